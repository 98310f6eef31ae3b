// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// fork(2), but with one descriptor table for both: what one opens is open in the
// other, and stays open when one dies (clone(2), CLONE_FILES).
//
// The child runs no atfork handlers, and must never exec: that would give it a
// table of its own. Errors: -1 with errno.
#ifndef STAYD_PROCESS_CLONE_H
#define STAYD_PROCESS_CLONE_H

#include <sys/types.h>

// 0 in the child, the pid in the parent, whose *pidfd then tells of the child's death.
// In both, all signals are as they were.
pid_t clone_sharing_table(int *pidfd);

// The same with a copy of the table, as fork(2) does: for a child that execs.
pid_t clone_with_copy(int *pidfd);

#endif
