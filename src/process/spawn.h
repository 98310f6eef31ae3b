// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Becoming another program that has a named list of descriptors and nothing else: for a child with a
// descriptor table of its own.
//
// Errors: -1 with errno.
#ifndef STAYD_PROCESS_SPAWN_H
#define STAYD_PROCESS_SPAWN_H

#define SPAWN_MAX_FDS 192u

struct spawn_fd {
    int from; // -1: there is none, and `to` stays closed
    int to;   // in the other program; rising
};

// In the child: exec the open file `program` with these descriptors, without blocked signals, in the
// present environment. Returns only if that cannot be done, and may have closed any descriptor then,
// but not 1 and 2, if they are in the list.
int spawn_exec(int program, char *const argv[], const struct spawn_fd fds[], unsigned n_fds);

#endif
