// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How many players each network has, by the slots that live. In the worker's heap.
//
// Errors: NULL without memory or random bytes.
#ifndef STAYD_PLAYERS_ORIGINS_H
#define STAYD_PLAYERS_ORIGINS_H

#include "entry/gate.h"

struct players;
struct slot;

struct tally *origins_make(uint32_t n_slots);

// A player has come to be served, or has gone.
void origins_add(const struct players *players, const struct slot *slot);
void origins_drop(const struct players *players, const struct slot *slot);

// A gate_seat_fn; arg: the players.
enum gate_verdict origins_seat(void *arg, const uint8_t address[16], bool is_exempt,
                               struct network *network);

#endif
