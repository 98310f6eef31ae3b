// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Chains of cells (resume.h). Errors: false or -1 with errno.
#include "vault/resume.h"

#include "vault/point.h"
#include "vault/slot.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>

static uint32_t first_cell(uint64_t resume)
{
    return (uint32_t)(resume >> 32);
}

static size_t n_bytes_of(uint64_t resume)
{
    return (uint32_t)resume;
}

static uint32_t n_cells_for(size_t n)
{
    return (uint32_t)((n + CELL_BYTES - 1) / CELL_BYTES);
}

bool resume_walk(const struct vault *vault, const struct slot *slot,
                 bool (*visit)(void *arg, uint32_t cell), void *arg)
{
    uint64_t resume = slot->resume;
    size_t n = n_bytes_of(resume);
    uint32_t cell = first_cell(resume);
    if (n > VAULT_RESUME_BYTES)
        return false;
    for (uint32_t left = n_cells_for(n); left > 0; left--) {
        if (cell >= vault->head->cells_reserved || !visit(arg, cell))
            return false;
        cell = vault->cells[cell].next;
    }
    return n == 0 || cell == CELL_NONE;
}

static bool mark(void *arg, uint32_t cell)
{
    ((uint8_t *)arg)[cell] = 1;
    return true;
}

int cell_pool_make(struct cell_pool *pool, struct vault *vault)
{
    uint32_t n_cells = vault->head->n_cells;
    uint8_t *used = calloc(n_cells, 1);
    *pool = (struct cell_pool){.vault = vault, .free = calloc(n_cells, sizeof *pool->free)};
    if (!used || !pool->free) {
        free(used);
        cell_pool_free(pool);
        return -1;
    }
    slot_each_live(vault, slot)
        resume_walk(vault, slot, mark, used);
    for (uint32_t cell = n_cells; cell-- > 0;)
        if (!used[cell])
            pool->free[pool->n_free++] = cell;
    for (uint32_t cell = 0; cell < vault->head->cells_reserved; cell++)
        if (!used[cell])
            OPENSSL_cleanse(vault->cells[cell].bytes, CELL_BYTES);
    free(used);
    return 0;
}

void cell_pool_free(struct cell_pool *pool)
{
    free(pool->free);
    *pool = (struct cell_pool){0};
}

static void give_chain(struct cell_pool *pool, uint64_t resume)
{
    uint32_t cell = first_cell(resume);
    for (uint32_t left = n_cells_for(n_bytes_of(resume)); left > 0; left--) {
        struct cell *it = &pool->vault->cells[cell];
        pool->free[pool->n_free++] = cell;
        cell = it->next;
        OPENSSL_cleanse(it->bytes, sizeof it->bytes); // what a game leaves may be a secret
    }
}

// The highest cell that taking n would use.
static uint32_t highest_of(const struct cell_pool *pool, uint32_t n)
{
    uint32_t highest = 0;
    for (uint32_t i = 1; i <= n; i++)
        if (pool->free[pool->n_free - i] > highest)
            highest = pool->free[pool->n_free - i];
    return highest;
}

// Fill free cells with these bytes, the last one first. They are nobody's yet.
static uint32_t fill_chain(struct cell_pool *pool, const uint8_t *bytes, size_t n)
{
    uint32_t next = CELL_NONE;
    for (uint32_t i = n_cells_for(n); i-- > 0;) {
        size_t at = (size_t)i * CELL_BYTES;
        uint32_t cell = pool->free[--pool->n_free];
        pool->vault->cells[cell].next = next;
        memcpy(pool->vault->cells[cell].bytes, bytes + at,
               n - at < CELL_BYTES ? n - at : CELL_BYTES);
        next = cell;
    }
    return next;
}

bool resume_put(struct cell_pool *pool, struct slot *slot, const uint8_t *bytes, size_t n)
{
    uint64_t old = slot->resume;
    uint64_t fresh = 0;
    if (n > VAULT_RESUME_BYTES)
        return false;
    if (n > 0) {
        uint32_t n_cells = n_cells_for(n);
        if (pool->n_free < n_cells ||
            vault_reserve_cells(pool->vault, highest_of(pool, n_cells) + 1) < 0)
            return false;
        fresh = (uint64_t)fill_chain(pool, bytes, n) << 32 | n;
    }
    POINT(RESUME_WRITTEN);
    atomic_store_explicit(&slot->resume, fresh, memory_order_release);
    POINT(RESUME_LEFT);
    give_chain(pool, old);
    return true;
}

size_t resume_get(const struct vault *vault, const struct slot *slot,
                  uint8_t out[VAULT_RESUME_BYTES])
{
    uint64_t resume = slot->resume;
    size_t n = n_bytes_of(resume);
    uint32_t cell = first_cell(resume);
    for (size_t at = 0; at < n; at += CELL_BYTES) {
        memcpy(out + at, vault->cells[cell].bytes, n - at < CELL_BYTES ? n - at : CELL_BYTES);
        cell = vault->cells[cell].next;
    }
    return n;
}

void resume_release(struct cell_pool *pool, struct slot *slot)
{
    give_chain(pool, slot->resume);
}
