// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Joining a player to the game: its host name is known or was waited for long enough, the game's
// backlog has room, and it is this player's turn. One step of it; who waits is in waiting.h.
//
// Errors: a player whose game cannot be reached in time is told and closed.
#ifndef STAYD_PLAYERS_JOIN_H
#define STAYD_PLAYERS_JOIN_H

#include <stdint.h>

struct conn;

// waited_ms: since it has begun to wait.
void join_try(struct conn *conn, uint64_t waited_ms, uint64_t now_ms);

// What was asked of the game's connector has come: fd, which is the callee's, or -1 and an errno.
void join_connected(struct conn *conn, int fd, int error);

#endif
