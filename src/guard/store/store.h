// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Descriptors that outlive all of stayd's processes: the service manager keeps copies of them
// (manager.h), and whoever is started next has them again (restore.h).
//
//   worker: a slot's claims change ──eventfd──▶ guard: store_step
//                                                 +-> packs the crates anew whose slots have
//                                                     changed (crate.h), gives them to the
//                                                     manager, takes the old ones back
//   SIGTERM ──▶ guard ends the worker, store_all, leaves
//
// VAULT_CRATE_SLOTS slots share a crate, so the manager has little to keep, and a change costs the
// same however many players there are. A crate stands in the store under one of two names; the new
// one is put there before the old one is taken away. What lies in a crate says itself whose it is
// (I24), so that what is out of date is not mistaken for something else. The formats below belong
// to the vault's layout.
//
// Errors: logged, and tried again.
#ifndef STAYD_GUARD_STORE_STORE_H
#define STAYD_GUARD_STORE_STORE_H

#include "guard/store/crate.h"
#include "process/heritage.h"
#include <stdbool.h>
#include <stdint.h>

// Names: these, then for slots the crate's number, then 'a' or 'b'.
#define STORE_GUARD 'g'
#define STORE_SLOT 's'

// What lies beside a player's or a game's descriptor, in a crate of slots.
struct stored_fd {
    uint32_t slot;
    uint32_t link; // slot.n_links of this link to the game; 0: the player's socket
    uint8_t id[16];
};

// In the guard's crate; then, as text, the baton (baton.h).
struct stored_guard {
    uint64_t serial; // of two, the higher one holds
    uint32_t n;
    uint32_t reserved;
    int32_t place[CRATE_MAX_FDS]; // enum heritage_fd
};

struct guard;

// In struct guard. What is stored stands in the vault, for the next one.
struct store {
    bool is_in_use;
    bool is_due;
    bool is_broken;  // the last look has found something wrong
    unsigned n_busy; // looks in vain
    uint64_t look_ms;
    uint32_t n_wanted; // slots that are to be there
};

// This process is guard now: nothing is known of what is stored.
void store_begin(struct guard *guard);

void store_step(struct guard *guard, uint64_t now_ms);

// When to call store_step again at the latest, ms from now (-1: never); and what is readable
// before.
int store_sleep_ms(const struct guard *guard, uint64_t now_ms);
int store_fd(const struct guard *guard);

// Everything is in the store, also beyond store-players; if the worker lives, as it was a moment
// ago.
bool store_all(struct guard *guard);

// It is over: nothing is to be kept.
void store_empty(struct guard *guard);

#endif
