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

// Run the strategy and watch for what it wants. `ready`: RELAY_* bits that have become ready. Who
// has more than a few lines in store has its turn with those who were put off (conn.h).
void serve_conn(struct conn *conn, unsigned ready);

// Serve it until nothing is left of what a Unix socket holds by default.
void serve_through(struct conn *conn);

// A slot has become live: a new player, plain or after the takeover, or a farewell.
void serve_new(struct players *players, struct slot *slot);

// Take what the game has said by now. If that is its end, nothing is made of it before the conn is
// served.
void serve_take_words(struct conn *conn);

// Serve who was woken, and free whose connection is over: a libevent callback; arg: the players.
void serve_woken(evutil_socket_t fd, short what, void *arg);

// Serve those who were put off, for a bounded time: the same.
void serve_put_off(evutil_socket_t fd, short what, void *arg);

#endif
