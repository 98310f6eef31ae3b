// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The configuration's copy. Held: what is refused has complaints, each a line, and leaves nothing
// behind; what is taken is the same bytes when it is written again, and the same configuration when
// those are read.
//
// The input is read as it is, and once more as what stands between mark and sum of a copy in which
// both are right: lengths (4 bytes) and pieces.
//
// Errors: abort.
#include "base/bytes.h"
#include "base/hash.h"
#include "conf/copy.h"
#include "fuzz.h"

#define MARK "stayd's configuration 1\n"

static void hold_refused(const struct conf *conf, const char *said)
{
    static const struct conf empty;
    size_t n = strlen(said);
    hold(memcmp(conf, &empty, sizeof empty) == 0);
    hold(n > 0 && said[n - 1] == '\n');
}

static void hold_taken(const struct conf *conf, const char *bytes, size_t n)
{
    static struct conf again;
    struct fuzz_memory copy, complaints;
    hold(conf_copy_write(conf, fuzz_open(&copy)));
    char *written = fuzz_text(&copy);
    hold(copy.n == n && memcmp(written, bytes, n) == 0);
    hold(conf_copy_read(&again, written, copy.n, fuzz_open(&complaints)) == 0);
    hold(conf_is_same(conf, &again));
    conf_free(&again);
    free(fuzz_text(&complaints));
    free(written);
}

static void look_at(const char *bytes, size_t n)
{
    static struct conf conf;
    struct fuzz_memory complaints;
    int n_mistakes = conf_copy_read(&conf, bytes, n, fuzz_open(&complaints));
    char *said = fuzz_text(&complaints);
    if (n_mistakes > 0) {
        hold_refused(&conf, said);
    } else {
        hold(*said == '\0');
        hold_taken(&conf, bytes, n);
    }
    free(said);
    conf_free(&conf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t n_mark = sizeof MARK - 1;
    char *bytes = malloc(n_mark + size + 8);
    hold(bytes != NULL);
    look_at((const char *)data, size);
    memcpy(bytes, MARK, n_mark);
    if (size > 0)
        memcpy(bytes + n_mark, data, size);
    bytes_put64((uint8_t *)bytes + n_mark + size, hash64_add(HASH64_START, bytes, n_mark + size));
    look_at(bytes, n_mark + size + 8);
    free(bytes);
    return 0;
}
