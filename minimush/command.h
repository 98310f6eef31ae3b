// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The table of commands. Errors: none.
#ifndef MINIMUSH_COMMAND_H
#define MINIMUSH_COMMAND_H

#include "link.h"

enum command_rights { COMMAND_ALL, COMMAND_WIZARDS };

struct command {
    const char *name;  // with its switch, "@channel/list"
    const char *alias; // "" without any
    enum command_rights rights;
    bool is_exact; // must be typed in full
    void (*run)(struct link *link, char *args);
    const char *topic; // of the help
};

// The i-th command, or NULL behind the last.
const struct command *command_at(size_t i);

// By name, alias or the beginning of a name; among those that this player may use. NULL: none.
const struct command *command_find(const struct object *player, const char *word);

#endif
