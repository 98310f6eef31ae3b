// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// An event's way: what has become ready is relayed (relay/relay.h), a game's end is judged (away.h),
// and then what the conn wants is watched for, or waited for (waiting.h).
//
// Errors: a slot that can no longer be served is closed and logged.
#ifndef STAYD_PLAYERS_SERVE_H
#define STAYD_PLAYERS_SERVE_H

#include <event2/event.h>

struct conn;
struct players;
struct slot;

// Turns that are enough to read all that a Unix socket holds by default.
#define SERVE_ALL_TURNS 4

// Run the strategy and watch for what it wants. `ready`: RELAY_* bits that have become ready.
void serve_conn(struct conn *conn, unsigned ready);

// A slot has become live: a new player, plain or after the takeover.
void serve_new(struct players *players, struct slot *slot);

// Take what the game has said by now. If that is its end, nothing is made of it before the conn is
// served.
void serve_take_words(struct conn *conn);

// Serve who was woken, and free whose connection is over, for a bounded time: those who are left have
// their turn in the next one of the loop. A libevent callback; arg: the players.
void serve_woken(evutil_socket_t fd, short what, void *arg);

#endif
