// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The worker's side of a live slot: its two events, and the call of the strategy.
// One struct conn a slot, by index; everything in it can be made again.
//
// Errors: a slot that can no longer be served is closed and logged.
#ifndef STAYD_PLAYERS_CONN_H
#define STAYD_PLAYERS_CONN_H

#include "relay/relay.h"
#include <event2/event_struct.h>

struct players;

struct conn {
    struct event player;
    struct event game;
    struct players *players;
    struct relay_conn relay;
    uint8_t watched;    // RELAY_* readiness that libevent watches for us
    uint16_t waits;     // enum waiting_for bits (waiting.h)
    bool is_listed;     // it stands in players.waiting
    bool is_ack_missed; // said
    bool has_begun;     // its first bytes were looked at (players/loops.h)
    // Boottimes:
    uint64_t since_ms;    // since when it waits
    uint64_t ended_ms;    // when the game's side was seen to have ended; 0: not, or it is judged
    uint64_t linked_ms;   // when the present link was made; 0: before this worker's time
    uint64_t judge_ms;    // when it is to be judged again
    uint64_t unacked_ms;  // since when its input waits for an acknowledgement
    uint64_t said_before; // by games, before the present link
    uint64_t sent;        // to the player, when that was looked at last
};

// Turns that are enough to read all that a Unix socket holds by default.
#define CONN_ALL_TURNS 4

// Serve a slot for the first time in this process: new, or taken up after a crash.
// Nothing is watched yet.
void conn_open(struct players *players, struct slot *slot);

// Run the strategy and watch for what it wants. `ready`: RELAY_* bits that have
// become ready. The slot may be free when this returns.
void conn_serve(struct conn *conn, unsigned ready);

// Take what the game has said by now. If that is its end, nothing is made of it before the conn is
// served.
void conn_take_words(struct conn *conn);

// The game's socket is about to be closed.
void conn_unwatch_game(struct conn *conn);

// Close now, whatever is still to be sent. The log says who ended the connection, and `besides`,
// why it is closed by force (NULL: it is not).
void conn_close(struct conn *conn, const char *besides);

struct slot *conn_slot(const struct conn *conn);
struct conn *conn_of(const struct players *players, const struct slot *slot);

// The slot, as the relay takes it.
struct relay conn_relay(struct conn *conn);

#endif
