// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A program on trial: run as `PROGRAM --trial BATON -c CONF`, it says on standard output whether it
// could go on from here (guard/upgrade/adopt.h), and ends. It has no descriptor but one of a
// likeness of the vault (vault/likeness.h), under the number that the baton gives for the vault: it
// can change nothing, and see no key.
//
// The child dies with the guard that has started it. Errors: words in *why.
#ifndef STAYD_GUARD_UPGRADE_TRIAL_H
#define STAYD_GUARD_UPGRADE_TRIAL_H

#include "vault/vault.h"
#include <stdbool.h>
#include <sys/types.h>

#ifndef TRIAL_MS
#define TRIAL_MS 5000u // to answer; a test asks for less
#endif
// The line that is the whole answer, if all is well: this, then the version.
#define TRIAL_WORD "stayd-trial: good "

struct trial {
    pid_t pid; // 0: none is under way
    int fd;    // what it says; to be claimed while it runs
    uint64_t deadline_ms;
};

// What is tried.
struct trial_program {
    int fd;           // the file (guard/upgrade/program.h)
    const char *path; // what it is told that it is called
    const char *baton;
    const char *conf;
};

// False: with *why.
bool trial_start(struct trial *trial, const struct trial_program *program,
                 const struct vault *vault, char why[VAULT_WHY_BYTES]);

enum trial_status { TRIAL_RUNS, TRIAL_GOOD, TRIAL_BAD };

// Has it ended? The descriptor stays open, for the caller to give up.
enum trial_status trial_look(struct trial *trial, char version[VAULT_VERSION_BYTES],
                             char why[VAULT_WHY_BYTES]);

// End it, if it runs.
void trial_end(struct trial *trial);

#endif
