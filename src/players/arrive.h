// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the door (entry/) to a slot: a player who has come is let in, and served from then on.
//
// Errors: enum arrival_end.
#ifndef STAYD_PLAYERS_ARRIVE_H
#define STAYD_PLAYERS_ARRIVE_H

#include "vault/arrival.h"
#include <stdbool.h>

struct players;

// From the claim of the slot on the player stays connected, whatever is killed.
enum arrival_end arrive_take(struct players *players, const struct arrival *arrival, int fd);

// Is there room for another player? False, with errno; ENOBUFS: max-players are connected.
bool arrive_has_room(struct players *players);

#endif
