// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Resume state: up to VAULT_RESUME_BYTES that a game leaves with stayd for a player, in a
// chain of cells. Replacing it is one store (slot.resume), so after a kill there is the old state
// or the new one. Which cells are free is not stored: it is worked out from the slots at
// start, like chunks (I16).
//
// Errors: false when memory cannot be had; the old state stays.
#ifndef STAYD_VAULT_RESUME_H
#define STAYD_VAULT_RESUME_H

#include "vault/vault.h"
#include <stdbool.h>

// Which cells are free: in the worker's heap.
struct cell_pool {
    struct vault *vault;
    uint32_t *free; // a stack, low numbers on top
    uint32_t n_free;
};

// Work out the free cells, and wipe them, which a worker that was killed may not have come to
// (I25). 0, or -1 with errno.
int cell_pool_make(struct cell_pool *pool, struct vault *vault);
void cell_pool_free(struct cell_pool *pool);

// Replace the slot's state by these n bytes; 0 takes it away.
bool resume_put(struct cell_pool *pool, struct slot *slot, const uint8_t *bytes, size_t n);

// Copy it out. Returns its length.
size_t resume_get(const struct vault *vault, const struct slot *slot,
                  uint8_t out[VAULT_RESUME_BYTES]);

// Give the cells of a slot that is free (slot_free) back, and wipe them. A live one's must not be:
// after a kill its state would be there, and wiped.
void resume_release(struct cell_pool *pool, struct slot *slot);

// Call visit for each cell of the slot's chain until it says false. False then, or when the
// chain cannot be (for verify.c).
bool resume_walk(const struct vault *vault, const struct slot *slot,
                 bool (*visit)(void *arg, uint32_t cell), void *arg);

#endif
