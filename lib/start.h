// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Start stayd for a run directory, unless it is running: its configuration is
// written from the game's settings, and stayd is run as a daemon. One that runs is given them.
//
// Errors: false, with words in error.
#ifndef STAY_START_H
#define STAY_START_H

#include "stay.h"

#define STAY_MAX_NAME 64u

bool stay_start_check_name(const char *game, char *error, size_t error_size);

// stayd's configuration as text, for the caller to free; NULL: a setting cannot be written as
// one, or is one of the library's own.
char *stay_start_text(const struct stay_options *options, char *error, size_t error_size);

// Does this game start stayd, or does somebody else?
bool stay_start_is_ours(const struct stay_options *options);

// *how is set to STAY_STARTED, STAY_FOUND or STAY_FOUND_DIFFERENT; said receives what stayd said
// (launch.h).
bool stay_start(const struct stay_options *options, enum stay_start *how, char *said,
                size_t said_size, char *error, size_t error_size);

#endif
