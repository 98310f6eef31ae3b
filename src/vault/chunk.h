// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which chunks are free. That is not stored: it is worked out from the slots at
// start, after the receipt is settled, and then kept in the worker's heap (I6).
// Last in, first out, so that busy chunks are few and warm.
//
// Errors: CHUNK_NONE when memory cannot be had; the caller pauses and tries again.
#ifndef STAYD_VAULT_CHUNK_H
#define STAYD_VAULT_CHUNK_H

#include "vault/vault.h"

struct chunk_pool {
    struct vault *vault;
    uint32_t *free; // a stack
    uint32_t n_free;
    uint8_t *has_text; // by chunk: what has passed through it is not wiped yet
};

// Work out the free chunks. 0, or -1 with errno.
int chunk_pool_make(struct chunk_pool *pool, struct vault *vault);
void chunk_pool_free(struct chunk_pool *pool);

// A free chunk. It is nobody's until a commit claims it; give it back if that
// does not come.
uint32_t chunk_take(struct chunk_pool *pool);

// Give back a chunk that no committed state claims. CHUNK_NONE is ignored.
void chunk_give(struct chunk_pool *pool, uint32_t chunk);

// Give memory that a burst has used back to the system: keep a few chunks beyond the
// highest that is in use, and let low ones be taken first again. Then wipe free ones, as many as
// one turn may take. Now and then.
void chunk_pool_trim(struct chunk_pool *pool);

#endif
