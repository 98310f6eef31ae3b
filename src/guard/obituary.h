// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a dead worker leaves to be noted: how it died, whom it was serving, its last socket call for
// that player, and where in the program it crashed. The last one, and counts, stand in the vault
// for `status`. A slot
// or an address that was being served in two crashes is poison: the slot is closed
// by the next worker, the address is refused. SIGKILL and SIGBUS are nobody's
// fault. Also the brake on crash loops.
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

// How often workers have crashed, by signal: "SEGV:2 ABRT:1"; "" if never.
#define OBITUARY_CRASHES_BYTES 128u
const char *obituary_print_crashes(char text[OBITUARY_CRASHES_BYTES],
                                   const struct vault_head *head);

// A brake that slows and never stops: deaths use up tokens, time gives them back.
struct brake {
    double tokens;
    uint64_t at_ms;
};

#define BRAKE_FULL 10.0

// A worker died; `is_bad`: it crashed, or was never ready. How long to wait, ms.
uint32_t brake_count(struct brake *brake, bool is_bad, uint64_t now_ms);

#endif
