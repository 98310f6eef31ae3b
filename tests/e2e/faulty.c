// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Linked into a stayd that is to fail when one upgrades to it: at its start, after its trial, or in
// each of its workers.
//
// Errors: that is what it is for.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct vault;
int __wrap_vault_lock(struct vault *vault);

// A worker's start.
int __wrap_vault_lock(struct vault *vault)
{
    (void)vault;
    abort();
}

static __attribute__((constructor)) void start(int argc, char **argv)
{
    int is_adopting = argc > 1 && strcmp(argv[1], "--adopt") == 0;
    (void)is_adopting;
#if defined(FAULT_EXIT)
    _exit(0); // as if all were well
#elif defined(FAULT_HANG)
    pause();
#elif defined(FAULT_HANG_LATER)
    if (is_adopting)
        pause();
#elif defined(FAULT_EXIT_LATER)
    if (is_adopting)
        _exit(1);
#endif
}
