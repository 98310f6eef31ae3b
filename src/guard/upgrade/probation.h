// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Between exec and the declaration that the new program is good. There are two descriptor tables:
// the new one, of the new guard and its workers, and the old one, of the sleeping old spare. They
// agree in all that slots name, and stay so because on probation nobody new is accepted and no link
// to a game is made: slots can only lose descriptors (I23). vault_head.table_number says which is
// in force.
//
//   new guard:  its worker is ready, and UPGRADE_PROOF_MS later still alive
//                 ──▶ a spare of its own; table_number = the new table's; GOOD; the old spare is
//                     ended
//               UPGRADE_DEATHS of its workers have died, and the old spare lives
//                 ──▶ says why, ends
//   old spare:  the new guard is dead, or late (and is ended), and the table in force is still
//               the spare's own
//                 ──▶ is guard, ends the new worker, goes on with the old table and program: BACK
//               the table in force is another
//                 ──▶ ends
//
// That a connection is closed in one table does not end it; so it is always ended by shutdown(2)
// (slot_end_fd).
// Errors: a new program's are noted in the vault, for whoever goes on.
#ifndef STAYD_GUARD_UPGRADE_PROBATION_H
#define STAYD_GUARD_UPGRADE_PROBATION_H

#include "vault/vault.h"
#include <sys/types.h>

struct guard;
struct heritage;

// How long the worker must have served: a test asks for less.
#ifndef UPGRADE_PROOF_MS
#define UPGRADE_PROOF_MS 3000u
#endif
// How long the new program may take from the end of the old worker to the readiness of its own.
#ifndef UPGRADE_READY_MS
#define UPGRADE_READY_MS 5000u
#endif
#define UPGRADE_MARGIN_MS 2000u // beyond UPGRADE_PROOF_MS, before the old spare ends it all
#define UPGRADE_DEATHS 3u

// The old guard: from now on its death, or the deadline, leads back. table_number: the new table's.
void probation_begin(struct vault_head *head, uint64_t table_number);

// The new guard, each turn; after the death of a worker, `how`.
void probation_step(struct guard *guard, uint64_t now_ms);
void probation_count_death(struct guard *guard, const char *how);

// The new program cannot go on. Ends the process.
_Noreturn void probation_fail(const struct vault *vault, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

// The old spare: how long to sleep, ms, before the new guard is late; -1: it cannot be.
int probation_sleep_ms(const struct vault *vault);
void probation_end_late(const struct vault *vault, pid_t guard);

// A process has become guard: was there an upgrade under way, and what becomes of it?
void probation_take_up(struct guard *guard);

#endif
