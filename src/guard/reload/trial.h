// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A trial: something is done in a process of its own first, with a descriptor table of its own, so
// that a crash, a leak or an endless wait in it hurts nobody. What it has to say comes back as
// text.
//
// Errors: in the outcome, with words.
#ifndef STAYD_GUARD_RELOAD_TRIAL_H
#define STAYD_GUARD_RELOAD_TRIAL_H

#include "vault/vault.h"
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define TRIAL_MS 8000u
#define TRIAL_TEXT_BYTES 8192u

struct trial {
    pid_t pid; // 0: none is under way
    int pidfd;
    uint64_t until_ms;
    struct trial_report *report;
};

enum trial_outcome { TRIAL_RUNS, TRIAL_GOOD, TRIAL_BAD };

// Writes lines, and returns whether all is well.
typedef bool trial_fn(void *arg, FILE *out);

// Run fn in a new process. False: none could be made; errno.
bool trial_start(struct trial *trial, struct vault *vault, trial_fn *fn, void *arg,
                 uint64_t now_ms);

// Once it does not run any more it is forgotten, and text (of TRIAL_TEXT_BYTES) is what it said, or
// why it said nothing.
enum trial_outcome trial_look(struct trial *trial, struct vault *vault, char *text,
                              uint64_t now_ms);

#endif
