// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The beginning of recovery: the vault as a dead worker may have left it is made whole again. The
// receipt's page is locked, the queues of arrivals and the receipt are settled, every slot is verified; what breaks an invariant is
// quarantined.
//
// Errors: a broken head ends the process with a core.
#ifndef STAYD_WORKER_TAKE_UP_H
#define STAYD_WORKER_TAKE_UP_H

#include "vault/vault.h"

void take_up(struct vault *vault);

#endif
