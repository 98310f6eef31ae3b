// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a dead worker leaves to be noted: how it died, whom it was serving, its last socket call for
// that player, and where in the program it crashed. The last one, and counts, stand in the vault
// for `status` (vault/workers.h). A slot or an address that was being served in two crashes is
// poison: the slot is closed by the next worker, the address is refused. SIGKILL and SIGBUS are
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

#endif
