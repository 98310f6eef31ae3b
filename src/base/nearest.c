// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Edit distance: insert, delete, replace, swap of neighbours (nearest.h).
//
// Errors: none.
#include "base/nearest.h"

#include <string.h>

#define WORD_MAX 48u

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][WORD_MAX + 1];
    unsigned n_b = (unsigned)strlen(b);
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    for (unsigned j = 0; j <= n_b; j++)
        last[j] = j;
    for (unsigned i = 1; a[i - 1]; i++) {
        now[0] = i;
        for (unsigned j = 1; j <= n_b; j++) {
            unsigned replace = last[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = least(replace, least(last[j], now[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = least(now[j], before[j - 2] + 1);
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[n_b];
}

const char *nearest_find(const char *word, const char *const *names, unsigned n_names)
{
    const char *nearest = NULL;
    unsigned n_word = (unsigned)strlen(word);
    unsigned best = n_word / 3 + 2; // a name that is further away is another word
    if (n_word > WORD_MAX)
        return NULL;
    for (unsigned i = 0; i < n_names; i++) {
        if (strlen(names[i]) > WORD_MAX)
            continue;
        unsigned d = distance(word, names[i]);
        // A name that the word begins, as "stat" does "status", is nearer than any other.
        if (n_word >= 2 && strncmp(names[i], word, n_word) == 0)
            d = 0;
        if (d < best && d < strlen(names[i])) {
            best = d;
            nearest = names[i];
        }
    }
    return nearest;
}
