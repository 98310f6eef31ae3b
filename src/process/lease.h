// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who may do what. Three words in the vault (vault_place) say which process is
// guard, which is spare, and which holds the descriptor table: only the holder of
// the table opens, claims and closes players' and games' descriptors. It is the
// worker, or a guard while it sweeps up after a dead worker (I13).
//
// The guard's and the table's word change only by compare-and-swap from the word of a
// process that is seen to be dead (or, for the table, from the guard's own to its new
// worker's). So of two processes that want a place one gets it, however they were killed
// and started. The spare's word is a plain note: whoever is guard writes it when it has made
// a spare, and there is one guard. A start that takes up what systemd has kept clears all three
// before it makes a process.
//
// A word is generation << 32 | pid; the spare's is the pid alone. Errors: none.
#ifndef STAYD_PROCESS_LEASE_H
#define STAYD_PROCESS_LEASE_H

#include "vault/layout.h"
#include <stdbool.h>
#include <sys/types.h>

static inline pid_t lease_pid(uint64_t word)
{
    return (pid_t)(word & 0xffffffffu);
}

// Is the process of this word alive? When that cannot be found out (no descriptor to
// be had), yes: a place is never taken from somebody who may be there. Opens a
// descriptor for a moment, so only the guard and the holder of the table may ask.
bool lease_is_alive(uint64_t word);

// Has the process behind this pidfd died? A zombie has. False also if that cannot be found out now.
bool lease_has_died(int pidfd);

// Take the place, if it is still as `seen`. The word that stands there now, or 0.
uint64_t lease_take(vault_place *place, uint64_t seen);

#endif
