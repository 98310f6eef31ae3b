// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What handshake.c and greeting.c share: a handshake, which can begin with a balancer's header.
// Nobody else includes this.
//
// Errors: as handshake.h.
#ifndef STAYD_ENTRY_HANDSHAKE_PART_H
#define STAYD_ENTRY_HANDSHAKE_PART_H

#include "entry/handshake.h"
#include "entry/proxy.h"
#include "entry/takeover.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

// A balancer's header, as far as it has come.
struct greeting {
    uint8_t bytes[PROXY_BYTES];
    size_t n;
    bool is_read;       // whole, and understood: the following counts
    struct proxy proxy; // whose spans are in the bytes
};

struct handshake {
    struct tally_held held;      // first: found by it
    LIST_ENTRY(handshake) entry; // in `list`, or in `over`
    struct handshakes *all;
    SSL_CTX *context; // NULL: without TLS, so that the header is all of it
    SSL *ssl;
    int fd;
    struct event *ready;    // one of EV_READ, EV_WRITE, as OpenSSL asks
    struct event *deadline; // never renewed
    uint8_t address[16];    // the player's; the balancer's until that is known
    uint16_t port;
    uint16_t listener;
    bool is_postponed; // memory or the like is short: the timer goes on with it, no event does
    struct greeting *greeting; // NULL: the player has come by itself
    struct takeover takeover;
};

LIST_HEAD(handshake_list, handshake);

struct handshakes {
    struct handshakes_setup setup;
    struct event *turn;  // while one waits for its turn
    struct event *again; // while one is postponed
    struct event *reaper;
    uint32_t n; // in list
    struct handshake_list list;
    struct handshake_list over; // to be freed
};

// handshake.c:

// It is over; the descriptor is closed unless it has gone on (fd -1).
void handshake_end(struct handshake *handshake);

// ... and there is room again. reason: our words or OpenSSL's, never the peer's.
void handshake_fail(struct handshake *handshake, const char *reason);

// ... and the other side is told.
void handshake_turn_away(struct handshake *handshake, enum gate_verdict verdict);

// Go on with it when it is ready for this, or soon: something is short, errno says what.
void handshake_await(struct handshake *handshake, short what);
void handshake_postpone(struct handshake *handshake);

// Others give way for a newcomer. Not GATE_OPEN: none does.
enum gate_verdict handshakes_make_room(const struct handshakes *all, const uint8_t *address);

// TLS begins.
void handshake_begin_tls(struct handshake *handshake);

// The player goes on to the worker. arrival: with the address, and what TLS has shown. reason: why it
// cannot, or NULL.
void handshake_hand_on(struct handshake *handshake, struct arrival *arrival, const char *reason);

// greeting.c:

// Go on reading the header.
void greeting_proceed(struct handshake *handshake);

#endif
