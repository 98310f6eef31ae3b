// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a player says and hears: the parts of player.c that move bytes.
// Errors: given to the verdict; a visitor may become PLAYER_LOST instead.
#ifndef STAYD_STORM_TALK_H
#define STAYD_STORM_TALK_H

#include "player.h"

void talk_read(struct player *player, struct player_world *world, uint64_t now);
void talk_write(struct player *player, struct player_world *world, uint64_t now);
void talk_rekey(struct player *player, struct player_world *world, uint64_t now);

// A visitor whose time has come says close_notify, or ends its sending.
void talk_leave(struct player *player);

// The connection has failed or ended; result is what the call returned.
void talk_failed(struct player *player, struct player_world *world, int result, const char *doing);

#endif
