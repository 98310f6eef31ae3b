// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The process that does all the work and may die at any instruction. Its heap
// (this struct and what hangs on it) holds only what can be made again; start is
// recovery.
//
// Errors: worker_run ends the process.
#ifndef STAYD_WORKER_WORKER_H
#define STAYD_WORKER_WORKER_H

#include "entry/handshake.h"
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
#include "vault/state.h"
#include <event2/event.h>

struct accepting;
struct control;

struct worker {
    const struct heritage *heritage;
    struct vault *vault;
    struct event_base *base;
    struct chunk_pool chunks;
    struct cell_pool cells;
    struct slot_pool slots;
    struct ids *ids; // live slots by connection id
    struct games games;
    struct loops loops;
    struct conn *conns; // by slot index
    uint32_t n_live;
    struct handshakes *handshakes;
    struct names *names;
    struct accepting *accepting;
    struct control *control;
    struct connectors connectors;
    struct waiting waiting;
    struct event *signals;
    bool is_ending;
    bool is_retiring; // worker/retire.h
    bool has_new;     // players came since housekeeping last looked
};

// A role (role.h). Take up what the vault holds, then serve until killed or the orderly end is
// complete (exit status 0). `expected` is the table's word that this process may
// replace; if another one was faster, it ends at once.
void worker_run(const struct heritage *heritage, uint64_t expected);

// A slot has come, gone, or has another link: if somebody keeps what slots name, it is told.
void worker_note_claims(const struct worker *worker, const struct slot *slot);

// Give back all that a slot holds, and the slot.
void worker_free_slot(struct worker *worker, struct slot *slot);

// An orderly end has begun, or has gone on; ends the process when no player is left.
void worker_check_end(struct worker *worker);

// In a copy of the process that is no worker any more: free its heap. Descriptors
// are the living worker's and stay open, so the event loop is left as it lies.
void worker_forget(struct worker *worker);

#endif
