// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Changed settings for a stayd that is running: its configuration is written anew, and it is asked
// to reload (doc/PROTOCOL.control). It puts everything into force, or nothing; nobody who is
// connected notices. If nothing, the former file is put back, so that a stayd that is started later
// starts. A process that dies in the middle leaves STAY_FORMER_CONFIGURATION, by which the next one
// sees that it has to be done again.
//
// Errors: false, with words.
#ifndef STAY_RENEW_H
#define STAY_RENEW_H

#include <stdbool.h>
#include <stddef.h>

#define STAY_FORMER_CONFIGURATION "stayd.conf.former"
#define STAY_RENEW_TIMEOUT_MS 30000

// Write the configuration file, under its name only when it is whole. The game's lock is held, so
// nobody else writes it.
bool stay_renew_write(const char *directory, const char *text, char *error, size_t error_size);

// Blocks until stayd has answered. text NULL: the file is somebody else's, who has changed it.
// said: what an operator should know, such as an option that only a restart of stayd changes; whole
// lines.
bool stay_renew(const char *directory, const char *text, char *said, size_t said_size, char *error,
                size_t error_size);

// Was it begun, and is not known how it ended?
bool stay_renew_is_open(const char *directory);

// Another configuration was written, and stayd is started with it.
void stay_renew_forget(const char *directory);

#endif
