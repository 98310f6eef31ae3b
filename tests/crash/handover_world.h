// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players on their way from an entry to a slot (vault/handover.h): real ones in a real queue, and
// workers, which may die. In the end each message has become one slot, or none if it is no good;
// nobody is lost or let in twice, no key seals twice, and no descriptor is open that nobody claims.
//
// Errors: cmocka assertions.
#ifndef STAYD_TESTS_CRASH_HANDOVER_WORLD_H
#define STAYD_TESTS_CRASH_HANDOVER_WORLD_H

#include "vault/point.h"
#include <stdbool.h>
#include <stdint.h>

#define HANDOVER_PLAYERS 3u
#define HANDOVER_DEATHS 2u

// In shared memory: what the workers do, and what is seen of it.
struct handover_trap {
    unsigned death
        [HANDOVER_DEATHS]; // at which point from the worker's start on, or from the last death; 0: none
    enum point at[HANDOVER_DEATHS];
    unsigned n_deaths; // that have been
    unsigned n_seen;   // points since
    // Which slot's each message has become, at whatever moment.
    struct {
        uint64_t key;
        uint8_t id[16];
    } in[HANDOVER_PLAYERS];
    unsigned n_in;
    bool is_twice;
};
extern struct handover_trap *handover_trap;

struct handover_life {
    bool is_tls;
    bool is_full; // no seat is left
    bool is_entry_doomed;
};

bool handover_init(void);
void handover_live(const struct handover_life *life);

// Two crashes were over the first message: nobody else is thrown away with it.
void handover_live_after_crashes(const struct handover_life *life);

#endif
