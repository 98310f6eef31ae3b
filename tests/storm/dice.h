// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Random choices of the storm, all from one printed seed (splitmix64). Each
// player, the killer and the game have dice of their own, so that what one does
// is not changed by how often another was asked. Errors: none.
#ifndef STAYD_STORM_DICE_H
#define STAYD_STORM_DICE_H

#include <stdbool.h>
#include <stdint.h>

#define DICE_STEP 0x9e3779b97f4a7c15ULL

struct dice {
    uint64_t state;
};

static inline uint64_t dice_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

static inline uint64_t dice_next(struct dice *dice)
{
    return dice_mix(dice->state += DICE_STEP);
}

static inline uint64_t dice_below(struct dice *dice, uint64_t limit)
{
    return dice_next(dice) % limit;
}

static inline bool dice_one_in(struct dice *dice, uint64_t n)
{
    return dice_below(dice, n) == 0;
}

// 1 to 65,536 bytes, each power of two as likely as any other.
static inline uint64_t dice_size(struct dice *dice)
{
    uint64_t top = 1ULL << dice_below(dice, 17);
    return top - dice_below(dice, top == 1 ? 1 : top / 2);
}

// Waiting times with the given mean: mostly short, sometimes up to sixteen times
// the mean (an exponential distribution in coarse steps).
static inline uint64_t dice_wait(struct dice *dice, uint64_t mean)
{
    uint64_t wait = dice_below(dice, mean + 1);
    while (dice_one_in(dice, 3) && wait < 15 * mean)
        wait += dice_below(dice, 2 * mean + 1);
    return wait;
}

#endif
