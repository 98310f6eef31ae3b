// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What went wrong first. Any thread may give the verdict; only the first counts,
// it is printed at once, and everybody looks whether it is out. Errors: none.
#ifndef STAYD_STORM_VERDICT_H
#define STAYD_STORM_VERDICT_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

enum verdict {
    VERDICT_NONE,
    VERDICT_DAMAGE, // a player noticed: bytes lost, doubled, wrong, a connection dropped or stuck
    VERDICT_HANG,   // the processes did not come back, or the time was up
    VERDICT_SETUP,  // the test itself could not be done
};

void verdict_give(enum verdict verdict, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

enum verdict verdict_now(void);

// The time of day, as stayd's log has it.
#define VERDICT_TIME_BYTES 32u
const char *verdict_time(char text[VERDICT_TIME_BYTES]);

static inline uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static inline void sleep_us(uint64_t us)
{
    struct timespec time = {.tv_sec = (time_t)(us / 1000000),
                            .tv_nsec = (long)(us % 1000000) * 1000};
    nanosleep(&time, NULL);
}

#endif
