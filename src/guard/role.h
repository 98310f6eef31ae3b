// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a process is: worker, guard or spare. A process can become another (a spare a
// guard, a worker's copy a guard), and workers are cloned from guards that were
// spares; each begins on the stack's first frame, so that a long chain of them does
// not grow.
//
// Errors: none.
#ifndef STAYD_GUARD_ROLE_H
#define STAYD_GUARD_ROLE_H

#include <stdint.h>

struct heritage;

// A role's function; `word` is the place's word it may replace (guard/lease.h). It ends the
// process.
typedef void role_fn(const struct heritage *heritage, uint64_t word);

// Called once, from main.
_Noreturn void role_first(role_fn *role, const struct heritage *heritage, uint64_t word);

// Forget the present role, and begin this one.
_Noreturn void role_become(role_fn *role, const struct heritage *heritage, uint64_t word);

#endif
