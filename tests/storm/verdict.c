// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See verdict.h.
#include "verdict.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

static _Atomic int given;

const char *verdict_time(char text[VERDICT_TIME_BYTES])
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct tm tm;
    gmtime_r(&now.tv_sec, &tm);
    size_t n = strftime(text, VERDICT_TIME_BYTES, "%FT%T", &tm);
    snprintf(text + n, VERDICT_TIME_BYTES - n, ".%03ldZ", now.tv_nsec / 1000000);
    return text;
}

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
    char time[VERDICT_TIME_BYTES];
    printf("storm: %s at %s: %s\n", names[verdict], verdict_time(time), text);
    fflush(stdout);
}

enum verdict verdict_now(void)
{
    return (enum verdict)atomic_load(&given);
}
