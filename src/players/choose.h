// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which game a player is for: the one that its program has asked for by name (SNI), or its
// listener's. Sets the slot's game and what follows from it, before the slot is claimed.
// Errors: none.
#ifndef STAYD_PLAYERS_CHOOSE_H
#define STAYD_PLAYERS_CHOOSE_H

#include "conf/conf.h"
#include "vault/layout.h"

// slot->listener and the facts are set.
void choose_game(struct slot *slot, const struct conf *conf);

#endif
