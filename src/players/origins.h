// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How many players each network has, by the seats that are taken. In the worker's heap.
//
// Errors: NULL without memory or random bytes.
#ifndef STAYD_PLAYERS_ORIGINS_H
#define STAYD_PLAYERS_ORIGINS_H

#include "entry/tally.h"

struct players;
struct slot;

struct tally *origins_make(uint32_t n_seats);

// A player has come to be served, or has gone.
void origins_add(const struct players *players, const struct slot *slot);
void origins_drop(const struct players *players, const struct slot *slot);

#endif
