// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A crate: many descriptors kept open by one. It is a Unix socket in whose queue they lie, in
// flight (SCM_RIGHTS, unix(7)), beside data of the packer's. Whoever holds the socket keeps them
// all open. Looking into it leaves it as it is, so it can be looked into again.
//
// While a crate exists, close(2) of what is in it ends no connection: use shutdown(2).
//
// Errors: -1 with errno. ETOOMANYREFS: more are in flight than RLIMIT_NOFILE allows.
#ifndef STAYD_GUARD_STORE_CRATE_H
#define STAYD_GUARD_STORE_CRATE_H

#include <sys/types.h>

#define CRATE_MAX_FDS 253u // SCM_MAX_FD of the kernel
#define CRATE_MAX_BYTES 65536u

// The crate, close-on-exec. The caller's descriptors stay as they are. n_data is not 0.
int crate_pack(const void *data, size_t n_data, const int *fds, unsigned n_fds);

// The data's length; more than `room`: EMSGSIZE. fds, *n_fds: new descriptors, close-on-exec, in
// the order in which they were packed; the caller's to close, if the result is not -1.
ssize_t crate_look(int crate, void *data, size_t room, int fds[CRATE_MAX_FDS], unsigned *n_fds);

#endif
