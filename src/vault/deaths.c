// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Crashes by signal (deaths.h).
#include "vault/deaths.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static const int crash_signals[] = {SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGTRAP};
#define N_CRASH_SIGNALS (sizeof crash_signals / sizeof *crash_signals)
static_assert(N_CRASH_SIGNALS <= VAULT_CRASH_SIGNALS, "counters");

unsigned deaths_find(int signal_number)
{
    for (unsigned i = 0; i < N_CRASH_SIGNALS; i++)
        if (crash_signals[i] == signal_number)
            return i;
    return VAULT_CRASH_SIGNALS;
}

const char *deaths_print_crashes(char text[DEATHS_CRASHES_BYTES], const struct vault_head *head)
{
    size_t n = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < N_CRASH_SIGNALS; i++)
        if (head->deaths.crashes[i] && n < DEATHS_CRASHES_BYTES)
            n += (size_t)snprintf(text + n, DEATHS_CRASHES_BYTES - n, "%s%s:%u", n ? " " : "",
                                  sigabbrev_np(crash_signals[i]), head->deaths.crashes[i]);
    return text;
}
