// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a process is: worker, guard or spare. A process can become another (a spare a
// guard, a worker's copy a guard), and workers are cloned from guards that were
// spares; each begins on the stack's first frame, so that a long chain of them does
// not grow. main.c says which function each role is, so that guard and worker need
// not know each other.
//
// Errors: none.
#ifndef STAYD_PROCESS_ROLE_H
#define STAYD_PROCESS_ROLE_H

#include <stdint.h>

struct heritage;

enum role {
    ROLE_GUARD,
    ROLE_ADOPTED_GUARD, // of a program that was executed in the place of an earlier guard
    ROLE_SPARE,
    ROLE_WORKER,
    N_ROLES
};

// A role's function; `word` is the place's word it may replace (process/lease.h). It ends the
// process. The heritage is the process' own; a guard puts another into its place
// (guard/reload/reload.h).
typedef void role_fn(struct heritage *heritage, uint64_t word);

// Called once, from main, whose table lives on.
_Noreturn void role_first(role_fn *const roles[N_ROLES], enum role role, struct heritage *heritage,
                          uint64_t word);

// Forget the present role, and begin this one with the same heritage.
_Noreturn void role_become(enum role role, uint64_t word);

#endif
