// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// After a worker's death: close what it left behind. Everything in the descriptor
// table that neither a live slot nor the guard's list claims goes: the dead worker's
// event descriptors (its epoll only later: remains.h), half-made connections.
//
// Only the guard does this, while it holds the table (I13): nobody opens
// descriptors meanwhile. Errors: none.
#ifndef STAYD_GUARD_SWEEP_H
#define STAYD_GUARD_SWEEP_H

#include "vault/vault.h"

void sweep_descriptors(const struct vault *vault);

#endif
