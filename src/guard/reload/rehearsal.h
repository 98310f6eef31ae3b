// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A rehearsal: something is done in a process of its own first, with a descriptor table of its own,
// so that a crash, a leak or an endless wait in it hurts nobody. What it has to say comes back as
// text.
//
// Errors: in the outcome, with words.
#ifndef STAYD_GUARD_RELOAD_REHEARSAL_H
#define STAYD_GUARD_RELOAD_REHEARSAL_H

#include "vault/vault.h"
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#define REHEARSAL_MS 8000u
#define REHEARSAL_TEXT_BYTES 8192u

struct rehearsal {
    pid_t pid; // 0: none is under way
    int pidfd;
    uint64_t until_ms;
    struct rehearsal_report *report;
};

enum rehearsal_outcome { REHEARSAL_RUNS, REHEARSAL_GOOD, REHEARSAL_BAD };

// Writes lines, and returns whether all is well. `kept`: the descriptor that it was to have, or -1.
typedef bool rehearsal_fn(void *arg, int kept, FILE *out);

// Run fn in a new process, which has no descriptors but the standard ones and `keep` (-1: none).
// False: none could be made; errno.
bool rehearsal_start(struct rehearsal *rehearsal, struct vault *vault, rehearsal_fn *fn, void *arg,
                     int keep, uint64_t now_ms);

// Once it does not run any more it is forgotten, and text (of REHEARSAL_TEXT_BYTES) is what it has
// said, or why it has said nothing.
enum rehearsal_outcome rehearsal_look(struct rehearsal *rehearsal, struct vault *vault, char *text,
                                      uint64_t now_ms);

#endif
