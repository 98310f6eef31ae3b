// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The pool of chunks (chunk.h). Errors: CHUNK_NONE or -1 with errno.
#include "vault/chunk.h"

#include "vault/flow.h"
#include "vault/slot.h"

#include <stdlib.h>

#define KEEP 4u // reserved chunks that trimming leaves beyond those in use

static void mark_buffer(uint8_t *used, const struct buffer *buffer, uint32_t n_chunks)
{
    if (buffer->chunk < n_chunks)
        used[buffer->chunk] = 1;
}

int chunk_pool_make(struct chunk_pool *pool, struct vault *vault)
{
    uint32_t n_chunks = vault->head->n_chunks;
    uint8_t *used = calloc(n_chunks, 1);
    *pool = (struct chunk_pool){.vault = vault, .free = calloc(n_chunks, sizeof *pool->free)};
    if (!used || !pool->free) {
        free(used);
        chunk_pool_free(pool);
        return -1;
    }
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        const struct slot *slot = &vault->slots[i];
        if (slot->state == SLOT_FREE)
            continue;
        for (int dir = 0; dir < 2; dir++) {
            mark_buffer(used, &flow_now(&slot->flow[dir])->in, n_chunks);
            mark_buffer(used, &flow_now(&slot->flow[dir])->out, n_chunks);
        }
    }
    // High numbers first, so that low ones, which have memory, are taken first.
    for (uint32_t chunk = n_chunks; chunk-- > 0;)
        if (!used[chunk])
            pool->free[pool->n_free++] = chunk;
    free(used);
    return 0;
}

void chunk_pool_free(struct chunk_pool *pool)
{
    free(pool->free);
    *pool = (struct chunk_pool){0};
}

uint32_t chunk_take(struct chunk_pool *pool)
{
    // By I6 the pool has CHUNKS_PER_SLOT for every slot; quarantined ones keep theirs.
    if (pool->n_free == 0)
        return CHUNK_NONE;
    uint32_t chunk = pool->free[pool->n_free - 1];
    if (vault_reserve_chunks(pool->vault, chunk + 1) < 0)
        return CHUNK_NONE;
    pool->n_free--;
    return chunk;
}

void chunk_give(struct chunk_pool *pool, uint32_t chunk)
{
    if (chunk != CHUNK_NONE)
        pool->free[pool->n_free++] = chunk;
}

void chunk_pool_trim(struct chunk_pool *pool)
{
    uint32_t n_chunks = pool->vault->head->n_chunks;
    uint32_t end = pool->vault->head->chunks_reserved;
    if (end <= KEEP)
        return;
    uint8_t *is_free = calloc(n_chunks, 1);
    if (!is_free)
        return;
    for (uint32_t i = 0; i < pool->n_free; i++)
        is_free[pool->free[i]] = 1;
    while (end > 0 && is_free[end - 1])
        end--;
    vault_trim_chunks(pool->vault, end + KEEP);
    pool->n_free = 0;
    for (uint32_t chunk = n_chunks; chunk-- > 0;)
        if (is_free[chunk])
            pool->free[pool->n_free++] = chunk;
    free(is_free);
}
