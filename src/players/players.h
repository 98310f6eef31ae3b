// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The players who are in, and all that is done about them: their links to games, what they wait
// for, what is asked about them. It is on the worker's heap, and holds only what can be made again;
// what must survive a worker is in the vault.
//
// Errors: as each says.
#ifndef STAYD_PLAYERS_PLAYERS_H
#define STAYD_PLAYERS_PLAYERS_H

#include "game/names.h"
#include "players/conn.h"
#include "players/connector.h"
#include "players/games.h"
#include "players/ids.h"
#include "players/loops.h"
#include "players/orders.h"
#include "players/waiting.h"
#include "process/heritage.h"
#include "relay/relay.h"
#include "vault/slot.h"
#include "vault/state.h"
#include <event2/event.h>

struct players {
    const struct heritage *heritage;
    struct vault *vault;
    struct event_base *base;
    struct chunk_pool chunks;
    struct cell_pool cells;
    struct slot_pool slots;
    struct ids *ids; // live slots by connection id
    struct names *names;
    struct games games;
    struct loops loops;
    struct conn *conns; // by slot index
    uint32_t n_live;
    struct connectors connectors;
    struct waiting waiting;
    bool is_ending; // in order: when none is left, the event loop ends
};

// Work out from the vault what is free and who is there. heritage, vault and base are set. 0, or -1
// with errno: no memory.
int players_make(struct players *players);

// Nothing is watched any more.
void players_stop(struct players *players);

// Free the heap only; so does a copy of the process that serves nobody.
void players_forget(struct players *players);

// The slots that were being served in two crashes go (invariant I14).
void players_close_poison(struct players *players);

// Serve everybody once: what waits in a buffer must not need a new event to go on.
void players_serve_all(struct players *players);

// A slot has become live: a new player, plain or after the takeover.
void players_open(struct players *players, struct slot *slot);

// An orderly end: what the games have said by now is read and flushed, then everybody hears the
// end.
void players_begin_end(struct players *players);
// The event loop ends if this is the end and no player is left.
void players_check_end(struct players *players);

// A slot has come, gone, or has another link: if somebody keeps what slots name, it is told.
void players_note_claims(const struct players *players, const struct slot *slot);
// ... of whatever an earlier worker has not come to tell.
void players_note_all_claims(const struct players *players);

// Give back all that a slot holds, and the slot.
void players_free_slot(struct players *players, struct slot *slot);

#endif
