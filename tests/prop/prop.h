// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What every property test begins and ends with: dice from a seed that is printed, which is
// STAYD_SEED or a new one; and the record layer.
//
// Errors: cmocka failures. Include it after cmocka.h.
#ifndef STAYD_PROP_H
#define STAYD_PROP_H

#include "record/record.h"
#include "storm/dice.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

// *state is the dice.
static inline int prop_set_up(void **state)
{
    static struct dice dice;
    const char *given = getenv("STAYD_SEED");
    if (given)
        dice.state = strtoull(given, NULL, 0);
    else if (getrandom(&dice.state, sizeof dice.state, 0) != sizeof dice.state)
        fail_msg("getrandom failed");
    printf("STAYD_SEED=%llu repeats this run\n", (unsigned long long)dice.state);
    *state = &dice;
    return record_init() ? 0 : -1;
}

static inline int prop_tear_down(void **state)
{
    (void)state;
    record_free();
    return 0;
}

#endif
