// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Find the stayd of a run directory, and give it the settings if it has others (renew.h); or write
// its configuration there and run it as a daemon.
//
// Errors: false, with words in error.
#ifndef STAY_LAUNCH_H
#define STAY_LAUNCH_H

#include "stay.h"

#define STAY_LAUNCH_TIMEOUT_MS 30000

// Does the configuration file hold just this text?
bool stay_launch_is_same(const char *directory, const char *text);

// name: a path, or a program that is looked for in PATH. *how is set to STAY_STARTED, STAY_FOUND or
// STAY_FOUND_DIFFERENT (it has not taken text, and said has why); said receives what stayd said.
bool stay_launch(const char *directory, const char *name, const char *text, enum stay_start *how,
                 char *said, size_t said_size, char *error, size_t error_size);

// Run it as a daemon with the configuration that is there, and do not wait. Returns a descriptor,
// non-blocking, from which to read what it says; -1 with words.
int stay_launch_again(const char *directory, const char *name, char *error, size_t error_size);

#endif
