// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Checks of the numbered invariants (doc/invariants.md) that can be seen in the
// vault itself. Run at each start of a worker, and by tests after each step.
//
// Errors: the first broken invariant, I_NONE if there is none.
#ifndef STAYD_VAULT_VERIFY_H
#define STAYD_VAULT_VERIFY_H

#include "vault/invariant.h"
#include "vault/vault.h"

// The head: sizes, the receipt's fields. A broken head cannot be served at all.
enum invariant verify_head(const struct vault *vault);

// One slot by itself.
enum invariant verify_slot(const struct vault *vault, const struct slot *slot);

// What slots share: no chunk and no descriptor is claimed twice. Calls `report`
// for every slot, free ones not, that breaks an invariant, alone or with another; returns how many.
uint32_t verify_all(const struct vault *vault,
                    void (*report)(void *arg, uint32_t slot, enum invariant invariant), void *arg);

#endif
