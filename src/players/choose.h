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

#include <stdbool.h>

// slot->listener, its version of TLS and the facts are set. False: its listener does not lead to the
// game that was asked for (conf_game_for). The entry has seen to that in the handshake, so only a
// reload can have come between.
bool choose_game(struct slot *slot, const struct conf *conf);

#endif
