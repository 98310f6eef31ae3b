// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The present worker's phase; and by which signals workers have crashed, and how often (struct
// vault_deaths).
//
// Errors: a step that the phases' diagram (layout.h) does not have is an assertion.
#ifndef STAYD_VAULT_WORKERS_H
#define STAYD_VAULT_WORKERS_H

#include "vault/layout.h"
#include <stdbool.h>

static inline enum worker_phase workers_phase(const struct vault_head *head)
{
    return (enum worker_phase)head->worker_phase;
}

// By whoever holds the table, or by the guard when the worker is dead. WORKER_DEAD and
// WORKER_STARTING may follow whatever stands there, which a dead worker may have damaged.
void workers_set_phase(struct vault_head *head, enum worker_phase phase);

// Has the present worker served every slot once?
static inline bool workers_is_ready(const struct vault_head *head)
{
    return workers_phase(head) >= WORKER_READY;
}

// "dead", "starting", "ready", "ended".
const char *workers_phase_name(enum worker_phase phase);

// The signal's place in vault_deaths.crashes, or VAULT_CRASH_SIGNALS: it is no crash.
unsigned workers_find_crash(int signal_number);

// How often workers have crashed, by signal: "SEGV:2 ABRT:1"; "" if never.
#define WORKERS_CRASHES_BYTES 128u
const char *workers_print_crashes(char text[WORKERS_CRASHES_BYTES], const struct vault_head *head);

#endif
