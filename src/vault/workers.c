// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The worker's phases and crashes (workers.h).
#include "vault/workers.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

static const int crash_signals[] = {SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGTRAP};
#define N_CRASH_SIGNALS (sizeof crash_signals / sizeof *crash_signals)
static_assert(N_CRASH_SIGNALS <= VAULT_CRASH_SIGNALS, "counters");

void workers_set_phase(struct vault_head *head, enum worker_phase phase)
{
    static const bool may_follow[N_WORKER_PHASES][N_WORKER_PHASES] = {
        [WORKER_STARTING] = {[WORKER_READY] = true},
        [WORKER_READY] = {[WORKER_ENDED] = true},
    };
    const enum worker_phase now = workers_phase(head);
    // A worker may die in any phase, and its word be damaged: the guard looks at neither.
    assert(phase == WORKER_DEAD || phase == WORKER_STARTING ||
           (now < N_WORKER_PHASES && may_follow[now][phase]));
    head->worker_phase = phase;
}

const char *workers_phase_name(enum worker_phase phase)
{
    static const char *const names[N_WORKER_PHASES] = {
        [WORKER_DEAD] = "dead",
        [WORKER_STARTING] = "starting",
        [WORKER_READY] = "ready",
        [WORKER_ENDED] = "ended",
    };
    return phase < N_WORKER_PHASES ? names[phase] : "?";
}

unsigned workers_find_crash(int signal_number)
{
    for (unsigned i = 0; i < N_CRASH_SIGNALS; i++)
        if (crash_signals[i] == signal_number)
            return i;
    return VAULT_CRASH_SIGNALS;
}

const char *workers_print_crashes(char text[WORKERS_CRASHES_BYTES], const struct vault_head *head)
{
    size_t n = 0;
    text[0] = '\0';
    for (unsigned i = 0; i < N_CRASH_SIGNALS; i++)
        if (head->deaths.crashes[i] && n < WORKERS_CRASHES_BYTES)
            n += (size_t)snprintf(text + n, WORKERS_CRASHES_BYTES - n, "%s%s:%u", n ? " " : "",
                                  sigabbrev_np(crash_signals[i]), head->deaths.crashes[i]);
    return text;
}
