// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Kills of stayd's processes. A strike kills one of worker, spare, guard and entry, and half of the
// time others, in random order and up to 2 ms apart: any of them, but one of worker, spare and
// guard always lives. At times one of the processes that were just made to replace them is killed,
// too, while it is recovering. Often newcomers are asked for just before, so that handshakes
// are under way.
//
// In the middle of an upgrade or a reload a single process is killed, at a random moment, by a
// thread that is there for that.
//
// Errors: given to the verdict.
#ifndef STAYD_STORM_KILLER_H
#define STAYD_STORM_KILLER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "family.h"
#include "ledger.h"
#include "options.h"
#include "player.h"

#define KILLER_MAX_VICTIMS 8u

struct killer {
    const struct ledger *ledger; // the caller's, as the dice are
    struct dice dice;
    _Atomic unsigned *rush; // newcomers wanted at once; the caller's
    _Atomic unsigned n_killed;
    struct player_deaths *entry_deaths; // noted before each; the caller's
    // Read when all is over.
    unsigned by_role[FAMILY_OTHER + 1];
    unsigned newborn; // of these, replacements killed while recovering
    unsigned amid;    // ... and in the middle of something
    unsigned while_rebooting;
    unsigned together[KILLER_MAX_VICTIMS + 1]; // strikes at so many processes
    uint64_t longest_recovery_us;
    uint64_t longest_retiring_us;      // until just one entry was left
    pid_t victims[KILLER_MAX_VICTIMS]; // of the last strike: they may take a moment to die
    unsigned n_victims;
    // The strike in the middle.
    pthread_t thread;
    bool has_thread;
    bool spares_spare;
    uint64_t delay_us;
    enum family_role role;
    unsigned nth; // of several with this role
    pid_t guard;
};

// Wait until worker, spare, guard and entry are there, none of them one that was just killed, and
// nobody else but entries that retire. False: not in time (the verdict is given).
bool killer_wait_whole(struct killer *killer, struct family *family);

// ... and until those have ended.
bool killer_wait_retired(struct killer *killer);

// Let some newcomers come now.
void killer_rush(struct killer *killer);

// Kill one of the role, and perhaps others.
void killer_strike(struct killer *killer, enum family_role role);

// Begin something; perhaps somebody is killed in the middle of it. With a program that fails after
// its trial the spare is the way back, and may be alone for a moment: it is left alive.
void killer_begin_amid(struct killer *killer, bool spares_spare);

// It is over. True: somebody was killed.
bool killer_end_amid(struct killer *killer);

#endif
