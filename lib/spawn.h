// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Run a program that is to outlive this one, and wait for it to say that it is
// ready by ending (a daemon's first process). It gets a session of its own, no descriptor
// of ours, default signals; what it writes to stderr is collected.
//
// Errors: -1 with errno.
#ifndef STAY_SPAWN_H
#define STAY_SPAWN_H

#include <stddef.h>

// Returns the wait status (waitpid(2)), and stderr's text as a string in text, cut to text_size. -1
// with errno: it could not be run; ETIMEDOUT: it did not end within timeout_ms and was killed.
int stay_spawn_wait(const char *path, char *const argv[], int timeout_ms, char *text,
                    size_t text_size);

// The same, and do not wait for its end: only until it runs. Returns a descriptor, non-blocking,
// from which to read what it writes to stderr. -1 with errno: it could not be run.
int stay_spawn_loose(const char *path, char *const argv[]);

#endif
