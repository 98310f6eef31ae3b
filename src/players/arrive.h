// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the door (entry/) to a slot: a player who has come is let in, and served from then on; or it
// has no seat, and gets a slot in which it is told so (seats.h).
//
// Errors: enum arrival_end.
#ifndef STAYD_PLAYERS_ARRIVE_H
#define STAYD_PLAYERS_ARRIVE_H

#include "vault/arrival.h"
#include <stdbool.h>

struct players;
struct slot;

// From the claim of the slot on the player stays connected, whatever is killed. `key`: of the message by
// which it has come (vault/handover.h). ARRIVAL_TAKEN with the slot, which is then to be served.
enum arrival_end arrive_claim(struct players *players, const struct arrival *arrival, uint64_t key,
                              int fd, struct slot **slot);
void arrive_serve(struct players *players, struct slot *slot);

#endif
