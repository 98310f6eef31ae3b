// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The players who are in, and all that is done about them: their links to games, what they wait
// for, what is asked about them. It is on the worker's heap, and holds only what can be made again;
// what must survive a worker is in the vault.
//
// From the ground up: players.h, conn.h (one player), waiting.h, connector.h, loops.h, games.h,
// seats.h, away.h, join.h, look.h, serve.h (an event's way), arrive.h, orders.h, crowd.h
// (all at once). What is below
// does not call what is above: it wakes the conn (conn.h), which is then served.
//
// Errors: as each says.
#ifndef STAYD_PLAYERS_PLAYERS_H
#define STAYD_PLAYERS_PLAYERS_H

#include "entry/refusals.h"
#include "process/heritage.h"
#include "vault/chunk.h"
#include "vault/resume.h"
#include "vault/slot.h"
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct players {
    const struct heritage *heritage;
    struct vault *vault;
    struct event_base *base;
    struct chunk_pool chunks;
    struct cell_pool cells;
    struct slot_pool slots;
    struct ids *ids; // live slots by connection id
    struct names *names;
    struct games *games;
    struct loops *loops;
    struct conn *conns;   // by slot index
    uint32_t n_live;      // slots
    uint32_t n_farewells; // of these, to which words are said (seats.h)
    struct connectors *connectors;
    struct tally *origins;    // players by network (origins.h)
    struct refusals refusals; // who got no seat
    struct waiting *waiting;
    // Slots to be served after the callbacks (conn_wake), or in the loop's next turn (conn_put_off):
    // rings, in which each stands once at most.
    struct conn_ring {
        struct event *event;
        uint32_t *slot;
        uint32_t first, n;
    } woken, put_off;
    uint64_t work;  // done for all, in about microseconds
    bool is_ending; // in order: when none is left, the event loop ends
};

// Who has a seat.
static inline uint32_t players_count(const struct players *players)
{
    return players->n_live - players->n_farewells;
}

// The event loop ends if this is the end and no slot is live.
void players_check_end(const struct players *players);

// A slot has come, gone, or has another link: if somebody keeps what slots name, it is told.
void players_note_claims(const struct players *players, const struct slot *slot);
// ... of whatever an earlier worker has not come to tell.
void players_note_all_claims(const struct players *players);

// Give back all that a slot holds, and the slot.
void players_free_slot(struct players *players, struct slot *slot);

#endif
