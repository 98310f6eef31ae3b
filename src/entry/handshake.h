// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A TLS handshake from the accepted descriptor to the takeover: OpenSSL does all of
// it on libevent's readiness, under one deadline for the whole, then its state is
// taken out as plain data. Nothing of a handshake survives its entry; the player
// has not been let in yet.
//
// Where a balancer comes for the player, its PROXY header is read first (greeting.c), under the same
// deadline and in the same place among all handshakes. Whom that names is then judged as a newcomer
// (gate.h). Without TLS that is all.
//
//   GREETING --the header is whole, the gate open--> START, or the arrival of a plain player
//   START --readable/writable--> START
//     |  SSL_accept done                     deadline, error, end of file
//     v                                              |
//   takeover fills an arrival                        v
//     |                                          FAILED: logged, closed
//     v
//   outbox_put(arrival)
//
// Errors: a failed handshake is logged with the player's address and the reason.
#ifndef STAYD_ENTRY_HANDSHAKE_H
#define STAYD_ENTRY_HANDSHAKE_H

#include "conf/conf.h"
#include "entry/gate.h"
#include "entry/linger.h"
#include "entry/outbox.h"
#include "entry/page.h"
#include <event2/event.h>
#include <openssl/ssl.h>

struct handshakes;

// A handshake has ended, well or not: there is room for another. It must not end any itself.
typedef void handshake_room_fn(void *arg);

struct handshakes_setup {
    struct event_base *base;
    struct page_pulse *pulse; // where it is said whose handshake it is, and how many there are
    const struct conf *conf;  // timeout
    struct gate *gate;
    struct lingering *lingering; // outlives the handshakes
    struct outbox *outbox;
    const struct vault_view *view; // who is a suspect
    handshake_room_fn *room;
    void *arg;
};

struct handshakes *handshakes_make(const struct handshakes_setup *setup);

// Ends all that are under way. Not from within room.
void handshakes_free(struct handshakes *handshakes);

// Is there room for one more, or will somebody give way for it (gate.h)?
bool handshakes_have_room(const struct handshakes *handshakes);

// A gate_spoken_fn, of what handshakes hold.
bool handshake_has_spoken(const struct tally_held *held);

uint32_t handshakes_count(const struct handshakes *handshakes);

struct handshake_newcomer {
    int fd;
    uint8_t address[16]; // from where it has come, and so is the port
    uint16_t port;
    uint16_t listener;
    bool is_balancer; // a header comes first, and says who the player is
    SSL_CTX *context; // NULL: no TLS; only of a balancer
};

// Begin one, for which others may have to give way (gate.h). Takes fd over: it goes with the arrival
// or is closed.
void handshake_start(struct handshakes *handshakes, const struct handshake_newcomer *newcomer);

#endif
