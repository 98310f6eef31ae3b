// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player whose game's side has ended: let go, or held (relay/dead_game.c does the slot's part,
// games.h judges); and what a held player is told.
//
// Errors: what cannot be done now is done when the conn is served again.
#ifndef STAYD_PLAYERS_AWAY_H
#define STAYD_PLAYERS_AWAY_H

#include <stdbool.h>
#include <stdint.h>

struct conn;

// relay_run asks for a judgement. True: the slot has changed, run it again.
bool away_judge(struct conn *conn);

// Linked again: tell the player so, if it was told of the game's absence. True: it was said now;
// run the slot again.
bool away_greet(struct conn *conn);

// Not linked: tell the player that the game does not answer. False: not now.
bool away_tell_wait(struct conn *conn);

// Held for too long: tell, and end.
void away_give_up(struct conn *conn);

#endif
