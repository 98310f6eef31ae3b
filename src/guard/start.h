// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What happens once, before there is a guard: limits, the lock, certificates,
// listening sockets, the vault, giving up rights.
//
// Errors: a line on stderr that says what is wrong and what to do, and false.
#ifndef STAYD_GUARD_START_H
#define STAYD_GUARD_START_H

#include "guard/restore.h"

// Load the certificates of all TLS listeners; arguments as in certs_load.
bool start_load_certs(struct heritage *heritage, bool may_make, FILE *complaints, FILE *remarks);
void start_free_certs(struct heritage *heritage);

// See that so many handshakes can be under way beside n_slots players: raise RLIMIT_NOFILE for them,
// or take max-handshakes down to what it allows, with a remark.
void start_fit_handshakes(struct conf *conf, uint32_t n_slots, FILE *remarks);

// Everything after a good configuration and certificates. heritage->conf is set; what was kept of
// an earlier start (kept->is_there), and is still wanted, is gone on with.
bool start_prepare(struct heritage *heritage, const struct kept *kept);

// Before keys are held, and after rights were given up: the processes are not for debuggers and
// core files (prctl(2); exec and a change of user undo it). And what later processes cannot load.
void start_harden(void);

void start_free(struct heritage *heritage);

#endif
