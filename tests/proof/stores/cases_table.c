// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The table of the library that is preloaded, which a game's processes share.
#include "watch.h"

#include "lib/preload/table.c" // its layout is nobody else's

void case_table_put(void)
{
    static const uint32_t words[TABLE_WORDS] = {1, 2, 3, 4, 5, 6};
    bool is_first;
    struct table *its = map(5);
    struct place *place = &its->place[7];
    place->cookie = UINT64_C(0x1122334455667788);
    whole(its, sizeof *its);
    watch("words", place->words, sizeof place->words);
    watch("cookie", &place->cookie, sizeof place->cookie);
    watch("n_used", &its->n_used, sizeof its->n_used);
    published("table.h", "cookie#1", "words");
    published("table.h", "words", "cookie#2");
    published("table.h", "cookie#2", "n_used");
    stored("table.h", "cookie", 2);
    watch_begin();
    table_put(7, words, &is_first);
}
