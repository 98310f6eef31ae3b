// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The system calls that stayd cannot do without, and that an older kernel does not have, or a
// container or a service manager refuses (seccomp(2)). They are tried before anything starts: what
// is missing shows otherwise only when a worker dies, or at a reload, and then as a silence.
//
// What is not here has another way, or says by itself what is wrong: mlock2(2) (vault_lock),
// epoll (libevent then polls), setrlimit(2) and fork(2).
#ifndef STAYD_GUARD_CALLS_H
#define STAYD_GUARD_CALLS_H

#include <stdbool.h>
#include <stdio.h>

// Try them all. False: those that failed are said, a line each, with what to do. Nothing is left
// open; a child is made for a moment.
bool calls_try(FILE *complaints);

#endif
