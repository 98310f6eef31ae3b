// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See verdict.h.
#include "verdict.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static _Atomic int given;

void verdict_give(enum verdict verdict, const char *fmt, ...)
{
    static const char *const names[] = {"", "DAMAGE", "HANG", "SETUP"};
    int none = VERDICT_NONE;
    if (!atomic_compare_exchange_strong(&given, &none, (int)verdict))
        return;
    char text[900];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm tm;
    gmtime_r(&now.tv_sec, &tm);
    printf("storm: %s at %02d:%02d:%02d.%06ldZ: %s\n", names[verdict], tm.tm_hour, tm.tm_min,
           tm.tm_sec, now.tv_nsec / 1000, text);
    fflush(stdout);
}

enum verdict verdict_now(void)
{
    return (enum verdict)atomic_load(&given);
}
