// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Taking and freeing slots (slot.h). Errors: NULL or -1 with errno.
#include "vault/slot.h"

#include "base/clock.h"
#include "base/random.h"
#include "vault/flow.h"
#include "vault/point.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int slot_pool_make(struct slot_pool *pool, struct vault *vault)
{
    uint32_t n_slots = vault->head->n_slots;
    *pool = (struct slot_pool){.vault = vault, .free = calloc(n_slots, sizeof *pool->free)};
    if (!pool->free)
        return -1;
    // Slots that were never reserved are holes: reading one would give it memory.
    uint32_t reserved = vault->head->slots_reserved;
    for (uint32_t i = n_slots; i-- > 0;)
        if (i >= reserved || vault->slots[i].state == SLOT_FREE)
            pool->free[pool->n_free++] = i;
    return 0;
}

void slot_pool_free(struct slot_pool *pool)
{
    free(pool->free);
    *pool = (struct slot_pool){0};
}

void slot_pool_wipe(struct slot_pool *pool)
{
    struct vault *vault = pool->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        struct slot *slot = &vault->slots[i];
        if (slot->state != SLOT_LIVE)
            slot_wipe_keys(slot);
        else if (slot_is_tls(slot))
            slot_wipe_key(slot, slot_free_key(flow_now(&slot->flow[TO_GAME])->key,
                                              flow_now(&slot->flow[TO_PLAYER])->key));
    }
}

static void clear_slot(struct slot *slot, uint64_t receipt_id)
{
    memset((uint8_t *)slot + sizeof slot->state, 0, sizeof *slot - sizeof slot->state);
    slot->player_fd = -1;
    slot->game_fd = -1;
    slot->opened_ms = clock_boot_ms();
    slot->write_limit = RECORD_MAX_TEXT;
    for (int dir = 0; dir < 2; dir++) {
        struct flow_state *state = &slot->flow[dir].copy[0];
        // The last receipt may have been for an earlier owner of this slot (I4).
        state->settled = receipt_id;
        state->in = BUFFER_EMPTY;
        state->out = BUFFER_EMPTY;
        state->key = (uint8_t)dir;
    }
    slot->flow[TO_GAME].copy[0].input.alert = FLOW_ALERT_NONE;
}

bool slot_pool_has_room(struct slot_pool *pool)
{
    if (pool->n_free == 0) {
        errno = ENOBUFS;
        return false;
    }
    return vault_reserve_slots(pool->vault, pool->free[pool->n_free - 1] + 1) == 0;
}

struct slot *slot_prepare(struct slot_pool *pool)
{
    struct vault *vault = pool->vault;
    if (!slot_pool_has_room(pool))
        return NULL;
    struct slot *slot = &vault->slots[pool->free[pool->n_free - 1]];
    clear_slot(slot, vault->head->receipt.id);
    if (!random_fill(slot->id, sizeof slot->id))
        return NULL;
    pool->n_free--;
    return slot;
}

void slot_claim(struct slot *slot, int player_fd)
{
    slot->player_fd = player_fd;
    POINT(SLOT_FILLED);
    atomic_store_explicit(&slot->state, SLOT_LIVE, memory_order_release);
    POINT(SLOT_CLAIMED);
}

void slot_return(struct slot_pool *pool, struct slot *slot)
{
    slot_wipe_keys(slot);
    pool->free[pool->n_free++] = vault_slot_index(pool->vault, slot);
}

void slot_end_fd(int fd)
{
    // Whatever an entry has made of a player's socket: a close waits for nobody (socket(7)).
    static const struct linger none = {0};
    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    shutdown(fd, SHUT_RDWR);
    close(fd);
}

void slot_free(struct slot_pool *slots, struct chunk_pool *chunks, struct cell_pool *cells,
               struct slot *slot)
{
    int player_fd = slot->player_fd;
    int game_fd = slot->game_fd;
    atomic_store_explicit(&slot->state, SLOT_FREE, memory_order_release);
    POINT(SLOT_FREED);
    slot_end_fd(player_fd);
    slot_end_fd(game_fd);
    for (int dir = 0; dir < 2; dir++) {
        chunk_give(chunks, flow_now(&slot->flow[dir])->in.chunk);
        chunk_give(chunks, flow_now(&slot->flow[dir])->out.chunk);
    }
    resume_release(cells, slot);
    slot_return(slots, slot);
}
