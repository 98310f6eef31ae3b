// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The pool of chunks (chunk.h). Errors: CHUNK_NONE or -1 with errno.
#include "vault/chunk.h"

#include "vault/flow.h"
#include "vault/slot.h"

#include <stdlib.h>
#include <string.h>

#define KEEP 4u  // reserved chunks that trimming leaves beyond those in use
#define WIPE 64u // chunks in one turn: about a megabyte

static void mark_buffer(uint8_t *used, const struct buffer *buffer, uint32_t n_chunks)
{
    if (buffer->chunk < n_chunks)
        used[buffer->chunk] = 1;
}

static void mark_slots(const struct vault *vault, uint8_t *used)
{
    slot_each_live(vault, slot) {
        for (int dir = 0; dir < 2; dir++) {
            mark_buffer(used, &flow_now(&slot->flow[dir])->in, vault->head->n_chunks);
            mark_buffer(used, &flow_now(&slot->flow[dir])->out, vault->head->n_chunks);
        }
    }
}

int chunk_pool_make(struct chunk_pool *pool, struct vault *vault)
{
    uint32_t n_chunks = vault->head->n_chunks;
    uint8_t *used = calloc(n_chunks, 1);
    *pool = (struct chunk_pool){.vault = vault,
                                .free = calloc(n_chunks, sizeof *pool->free),
                                .has_text = calloc(n_chunks, 1)};
    if (!used || !pool->free || !pool->has_text) {
        free(used);
        chunk_pool_free(pool);
        return -1;
    }
    mark_slots(vault, used);
    // An earlier worker may not have wiped it.
    for (uint32_t chunk = 0; chunk < vault->head->chunks_reserved; chunk++)
        pool->has_text[chunk] = !used[chunk];
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
    free(pool->has_text);
    *pool = (struct chunk_pool){0};
}

uint32_t chunk_take(struct chunk_pool *pool)
{
    // By I6 the pool has CHUNKS_PER_SLOT for every slot.
    if (pool->n_free == 0)
        return CHUNK_NONE;
    uint32_t chunk = pool->free[pool->n_free - 1];
    if (vault_reserve_chunks(pool->vault, chunk + 1) < 0)
        return CHUNK_NONE;
    pool->n_free--;
    pool->has_text[chunk] = 0; // it may be wiped when it is free again
    return chunk;
}

void chunk_give(struct chunk_pool *pool, uint32_t chunk)
{
    if (chunk == CHUNK_NONE)
        return;
    pool->free[pool->n_free++] = chunk;
    pool->has_text[chunk] = 1;
}

static void trim(struct chunk_pool *pool)
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

// Beyond what is reserved there are holes: to write into one would give it memory.
static void wipe_some(struct chunk_pool *pool)
{
    uint32_t n_left = WIPE;
    for (uint32_t chunk = 0; chunk < pool->vault->head->chunks_reserved && n_left > 0; chunk++) {
        if (!pool->has_text[chunk])
            continue;
        explicit_bzero(vault_chunk(pool->vault, chunk), CHUNK_BYTES);
        pool->has_text[chunk] = 0;
        n_left--;
    }
}

void chunk_pool_trim(struct chunk_pool *pool)
{
    trim(pool);
    wipe_some(pool);
}
