// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayd's configuration, made from PennMUSH's settings (settings.h). Files are only looked into, to
// see which of the two holds certificate and key.
//
// Errors: words.
#ifndef STAYD_DROPIN_CONFIGURATION_H
#define STAYD_DROPIN_CONFIGURATION_H

#include "dropin/settings.h"

#define CONFIGURATION_GAME "pennmush" // the game's name in it
#define CONFIGURATION_FOLDER "stayd.run"
// Without this line at its beginning the file is the admin's, and is left as it is.
#define CONFIGURATION_MARK "# Written by stayd-ssl-slave(8) at each start of the game"

// The run directory: CONFIGURATION_FOLDER beside the game's socket. home: the game's folder. False
// with words: a path is too long, or home has a name that cannot stand in a configuration.
bool configuration_folder(const struct settings *settings, const char *home, char *folder,
                          size_t folder_size, char *error, size_t error_size);

// Is there one of the files with certificate and key? The working directory is the game's.
bool configuration_has_certificate(const struct settings *settings);

// The text, for the caller to free; NULL with words.
char *configuration_write(const struct settings *settings, const char *home, const char *folder,
                          char *error, size_t error_size);

#endif
