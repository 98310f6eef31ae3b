// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The killer, in a thread of its own so that its moments have nothing to do with
// the players'. It kills one or two of worker, spare and guard, in random order
// and up to 2 ms apart; at times also one of the processes that were just made to
// replace them, while it is recovering. One of the three it found always lives.
// Then it waits until all three are there again.
//
// Errors: given to the verdict; the thread ends when one is out.
#ifndef STAYD_STORM_KILLER_H
#define STAYD_STORM_KILLER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "family.h"
#include "ledger.h"
#include "options.h"

#define KILLER_MAX_VICTIMS 3u

struct killer {
    const struct options *options;
    const struct ledger *ledger;
    struct dice dice;
    pthread_t thread;
    _Atomic bool is_finished;
    _Atomic unsigned n_killed;
    // Read when it is finished.
    unsigned by_role[FAMILY_OTHER + 1];
    unsigned newborn; // of these, replacements killed while recovering
    unsigned while_rebooting;
    uint64_t longest_recovery_us;
    pid_t victims[KILLER_MAX_VICTIMS]; // of the last strike: they may take a moment to die
    unsigned n_victims;
};

// False: no thread.
bool killer_start(struct killer *killer, const struct options *options,
                  const struct ledger *ledger);
void killer_join(struct killer *killer);

// Wait until worker, spare and guard are there, none of them one that was just killed. False: not
// in time (the verdict is given).
bool killer_wait_whole(const struct killer *killer, struct family *family);

#endif
