// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Stands in for what libstay has declared but not yet defined. Errors: none.
#include <stay.h>

#define WEAK __attribute__((weak))

WEAK int stay_leave(struct stay *s, const struct stay_player *p, const void *b, size_t n)
{
    (void)s, (void)p, (void)b, (void)n;
    return 0;
}

WEAK int stay_acknowledge(struct stay *s, const struct stay_player *p, uint64_t n)
{
    (void)s, (void)p, (void)n;
    return 0;
}

WEAK int stay_end(struct stay *s, const struct stay_player *p, const char *words)
{
    (void)s, (void)p, (void)words;
    return 0;
}

WEAK int stay_announce(struct stay *s, enum stay_plan plan)
{
    (void)s, (void)plan;
    return 0;
}

WEAK void stay_work(struct stay *s)
{
    (void)s;
}

WEAK size_t stay_n_unanswered(const struct stay *s)
{
    (void)s;
    return 0;
}
