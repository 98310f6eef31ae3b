// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What minimush.conf says for stayd: kept as stayd's own options, and filled up with what minimush
// wants when nothing is said.
//
// Errors: too many of them are told by the result.
#ifndef MINIMUSH_SETTINGS_STAYD_H
#define MINIMUSH_SETTINGS_STAYD_H

#include "settings.h"

// Takes value over, a string of malloc's. Section "game " is the game's own, whatever its name will
// be. False: there are SETTINGS_MAX_STAYD already.
bool settings_add_stayd(struct settings *settings, const char *section, const char *key,
                        char *value);

// Once everything is read: settings->game from its name, and what was not said.
void settings_add_stayd_defaults(struct settings *settings);

void settings_free_stayd(struct settings *settings);

#endif
