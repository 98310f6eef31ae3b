// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who has ended a player's connection, in words for the log: from what the slot notes and from how
// its flows stand.
//
// Errors: none.
#ifndef STAYD_PLAYERS_ENDING_H
#define STAYD_PLAYERS_ENDING_H

#include "vault/layout.h"

struct ending {
    const char *by; // "player", "game", "admin", "stayd"
    char why[96];
};

void ending_look(struct ending *ending, const struct slot *slot);

#endif
