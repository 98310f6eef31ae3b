// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The worker's side of a live slot: its two events, and what is known of it for now. One struct conn
// a slot, by index; everything in it can be made again.
//
// Who changes something about a player wakes its conn: the conn is served (serve.h) when the
// callbacks that are running have returned. A connection that is over is marked, and freed then,
// too: nobody's slot goes away while somebody goes on with it.
//
// Whose sockets have more than is done at once is put off: its conn is served, in turns with others
// like it, for a bounded time in a turn of the loop, and behind those who ask for little.
//
// Errors: none.
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
    const char *besides; // why it is ended by force (conn_end)
    uint8_t watched;     // RELAY_* readiness that libevent watches for us
    uint16_t waits;      // enum waiting_for bits (waiting.h)
    bool is_listed;      // it stands in the list of who waits
    bool is_woken;       // it is to be served
    bool is_put_off;     // ... when it has its turn, and by no event before
    bool is_over;        // it is to be freed
    bool is_ack_missed;  // said
    bool has_begun;      // its first bytes were looked at (players/loops.h)
    bool has_header;     // ... and are a PROXY header
    // Boottimes:
    uint64_t since_ms;    // since when it waits
    uint64_t ended_ms;    // when the game's side was seen to have ended; 0: not, or it is judged
    uint64_t linked_ms;   // when the present link was made; 0: before this worker's time
    uint64_t judge_ms;    // when it is to be judged again
    uint64_t unacked_ms;  // since when its input waits for an acknowledgement
    uint64_t said_before; // by games, before the present link
    uint64_t sent;        // to the player, when that was looked at last
};

// The slot is served from now on, by this process: new, or taken up after a crash. Nothing is
// watched yet.
void conn_open(struct players *players, struct slot *slot);

// Serve it soon. `ready`: RELAY_* bits that may have become ready.
void conn_wake(struct conn *conn, unsigned ready);

// The connection is over, whatever is still to be sent. Nothing more is done for it, and soon it is
// freed. `besides`: why it is closed by force, a constant (NULL: it is not).
void conn_end(struct conn *conn, const char *besides);

// The next one to be served, or to be freed; NULL: there is none.
struct conn *conn_next_woken(struct players *players);

// Serve it in its turn, in the loop's next turn at the earliest. Until then `ready` is only noted.
void conn_put_off(struct conn *conn, unsigned ready);

// The next one whose turn it is; NULL: there is none.
struct conn *conn_next_put_off(struct players *players);

// There are more: have them served in the loop's next turn.
void conn_await_put_off(struct players *players);

// Free the slot of one that is over. The log says who ended the connection.
void conn_free(struct conn *conn);

// The game's socket is about to be closed.
void conn_unwatch_game(struct conn *conn);

// The live one with this connection id, or NULL.
struct conn *conn_find(const struct players *players, const uint8_t id[16]);

struct slot *conn_slot(const struct conn *conn);
struct conn *conn_of(const struct players *players, const struct slot *slot);

// The slot, as the relay takes it.
struct relay conn_relay(struct conn *conn);

#endif
