// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Time in milliseconds. Errors: none.
#ifndef STAYD_BASE_CLOCK_H
#define STAYD_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline uint64_t clock_read_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

// Since boot, sleep included: for deadlines, the same for all processes.
static inline uint64_t clock_boot_ms(void)
{
    return clock_read_ms(CLOCK_BOOTTIME);
}

// Since 1970: to show to people.
static inline uint64_t clock_wall_ms(void)
{
    return clock_read_ms(CLOCK_REALTIME);
}

#endif
