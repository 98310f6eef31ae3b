// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Checks of the numbered invariants (doc/invariants.md) that can be seen in the
// vault itself. Run at each start of a worker, and by tests after each step.
//
// Errors: the first broken invariant, I_NONE if there is none.
#ifndef STAYD_VAULT_VERIFY_H
#define STAYD_VAULT_VERIFY_H

#include "vault/vault.h"

// The rows of doc/invariants.md, which says what each is, who keeps it and what checks it.
enum invariant {
    I_NONE,
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
    I11,
    I12,
    I13,
    I14,
    I15,
    I16,
    I17,
    I18,
    I19,
    I20,
    I21,
    I22,
    I23,
    I24,
    I25,
    I26,
    I_END
};

// The head: sizes, the receipt's fields. A broken head cannot be served at all.
enum invariant verify_head(const struct vault *vault);

// One slot by itself.
enum invariant verify_slot(const struct vault *vault, const struct slot *slot);

// What slots share: no chunk and no descriptor is claimed twice. Calls `report`
// for every slot, free ones not, that breaks an invariant, alone or with another; returns how many.
uint32_t verify_all(const struct vault *vault,
                    void (*report)(void *arg, uint32_t slot, enum invariant invariant), void *arg);

#endif
