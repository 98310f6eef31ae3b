// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What happens once, before there is a guard: limits, the lock, certificates,
// listening sockets, the vault, giving up rights.
//
// Errors: a line on stderr that says what is wrong and what to do, and false.
#ifndef STAYD_GUARD_START_H
#define STAYD_GUARD_START_H

#include "guard/heritage.h"

// Load the certificates of all TLS listeners. may_make, complaints, remarks: as in certs_load.
bool start_load_certs(struct heritage *heritage, bool may_make, FILE *complaints, FILE *remarks);

// Everything after a good configuration and certificates. heritage->conf is set.
bool start_prepare(struct heritage *heritage);

// What start and adoption both end with: the processes hold keys and are not for debuggers and core
// files (prctl(2); exec undoes it).
void start_finish(void);

void start_free(struct heritage *heritage);

#endif
