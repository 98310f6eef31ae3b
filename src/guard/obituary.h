// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a dead worker leaves to be noted: how it died, whom it was serving, its last socket call for
// that player, and where in the program it crashed. The last one, and counts, stand in the vault
// for `status` (vault/workers.h). A slot, a message of an entry, or an address in a handshake that was
// being served in two crashes is poison: the slot is closed and the message thrown away by the next
// worker, the address is refused. SIGKILL and SIGBUS are
// nobody's fault.
//
// Errors: none.
#ifndef STAYD_GUARD_OBITUARY_H
#define STAYD_GUARD_OBITUARY_H

#include "vault/vault.h"
#include <stdbool.h>
#include <sys/types.h>

// Note the death of the last worker. status: from waitpid(2), or -1 if it was not our child.
// Returns the signal it crashed by, 0 if it did not crash; `how` in words. Nobody is to blame for a
// crash of a program on probation.
#define OBITUARY_HOW_BYTES 64u
int obituary_write(struct vault *vault, pid_t pid, int status, char how[OBITUARY_HOW_BYTES]);

// The same of an entry, which has left `pulse`. True: it has crashed.
// What others are shown of it is brought up to date.
struct page_pulse;
bool obituary_write_entry(const struct vault *vault, struct vault_view *shown, pid_t pid,
                          int status, const struct page_pulse *pulse, char how[OBITUARY_HOW_BYTES]);

#endif
