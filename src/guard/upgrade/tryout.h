// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A program on trial: run as `PROGRAM --trial BATON -c CONF`, it says on standard output whether it
// could go on from here (guard/upgrade/adopt.h), and ends. It has no descriptor but one of a
// likeness of the vault (vault/likeness.h), under the number that the baton gives for the vault: it
// can change nothing, and see no key.
//
// The child dies with the guard that has started it. Errors: words in *why.
#ifndef STAYD_GUARD_UPGRADE_TRYOUT_H
#define STAYD_GUARD_UPGRADE_TRYOUT_H

#include "vault/vault.h"
#include <stdbool.h>
#include <sys/types.h>

#ifndef TRYOUT_MS
#define TRYOUT_MS 5000u // to answer; a test asks for less
#endif
// The line that is the whole answer, if all is well: this, then the version.
#define TRYOUT_WORD "stayd-trial: good "

struct tryout {
    pid_t pid; // 0: none is under way
    int fd;    // what it says; to be claimed while it runs
    uint64_t deadline_ms;
};

// What is tried.
struct tryout_program {
    int fd;           // the file (guard/upgrade/program.h)
    const char *path; // what it is told that it is called
    const char *baton;
    const char *conf;
};

// False: with *why.
bool tryout_start(struct tryout *tryout, const struct tryout_program *program,
                  const struct vault *vault, char why[VAULT_WHY_BYTES]);

enum tryout_status { TRYOUT_RUNS, TRYOUT_GOOD, TRYOUT_BAD };

// Has it ended? The descriptor stays open, for the caller to give up.
enum tryout_status tryout_look(struct tryout *tryout, char version[VAULT_VERSION_BYTES],
                               char why[VAULT_WHY_BYTES]);

// End it, if it runs.
void tryout_end(struct tryout *tryout);

#endif
