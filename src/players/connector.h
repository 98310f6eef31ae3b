// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Links that another process makes (`links = connector`; doc/PROTOCOL.control, "A connector"). Some
// games look at who has connected (SO_PEERCRED names the process that called connect(2)), so a
// process of the game connects, writes the header, and passes the descriptor on.
//
//            connector_make                   connector_ask
//     NONE ──────────────────▶ READY ──────────────────────────▶ ASKED
//      ▲                         ▲   its answer                    │
//      │                         └─────────────────────────────────┤
//      └── its connection ends, breaks the protocol, or gives no answer for CONNECTOR_PATIENCE_S
//
// One link of a game is made at a time: asking costs a fraction of a millisecond. Nothing here
// survives the worker: a half-made link is closed with it.
//
// Errors: a peer's end its connection, logged; the player who was asked for goes on waiting.
#ifndef STAYD_PLAYERS_CONNECTOR_H
#define STAYD_PLAYERS_CONNECTOR_H

#include "conf/conf.h"
#include "game/link.h"
#include <event2/bufferevent.h>

#define CONNECTOR_PATIENCE_S 5

struct conn;
struct connector;
struct players;

// Its connection is over: the owner is to call connector_stop, and later connector_free.
typedef void connector_over_fn(void *owner);

// All games' connectors.
struct connectors {
    struct connector *of_game[CONF_MAX_GAMES]; // NULL: there is none
};

// This connection of the control channel is the game's connector from now on, instead of the one
// that there may be. What it sends is read here; the stream, which stays the owner's, is only
// written to. NULL: no memory.
struct connector *connector_make(struct players *players, unsigned game, struct bufferevent *stream,
                                 connector_over_fn *over, void *owner);

// Nothing is read or asked any more.
void connector_stop(struct connector *connector);
void connector_free(struct connector *connector); // which was stopped

bool connector_is_here(const struct players *players, unsigned game);

// Is a link being made?
bool connector_is_asked(const struct players *players, unsigned game);

// What was asked for has come: fd, which is the callee's, or -1 and an errno.
typedef void connector_answer_fn(struct conn *conn, int fd, int error);

// Have a link made for this slot. LINK_ASKED: `connected` will be called, for this slot or for the
// one that was asked for before. Else, with errno, there is no connector, or no memory.
enum link_status connector_ask(struct players *players, const struct slot *slot,
                               connector_answer_fn *connected);

#endif
