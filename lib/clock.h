// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The time by which the library waits: it neither jumps nor is set by anybody.
//
// Errors: none.
#ifndef STAY_CLOCK_H
#define STAY_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t stay_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

#endif
