// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Being the connector of a game for its stayd (doc/PROTOCOL.control, "A connector"): connects to
// the game's socket, writes the header, passes the descriptor. Everything here may block: there is
// nothing else to do, and a signal ends the process at any instruction.
//
// Errors: words, when it cannot be begun.
#ifndef STAYD_DROPIN_SERVICE_H
#define STAYD_DROPIN_SERVICE_H

#include <stdbool.h>
#include <stddef.h>

// Make the links to the game that listens at `socket` until the connection to stayd ends. False
// with words: it was refused, or nobody is there.
bool service_run(const char *control, const char *game, const char *socket, char *error,
                 size_t error_size);

#endif
