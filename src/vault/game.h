// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What is known of a game's process: read the present state, change a copy, commit it by one
// store, as with flows (vault/flow.h). Errors: none.
#ifndef STAYD_VAULT_GAME_H
#define STAYD_VAULT_GAME_H

#include "vault/layout.h"

static inline struct game_state game_now(const struct vault_head *head, unsigned game)
{
    const struct vault_game *it = &head->games[game];
    return it->copy[atomic_load_explicit(&it->current, memory_order_acquire) & 1u];
}

static inline void game_commit(struct vault_head *head, unsigned game,
                               const struct game_state *next)
{
    struct vault_game *it = &head->games[game];
    uint32_t other = (atomic_load_explicit(&it->current, memory_order_relaxed) & 1u) ^ 1u;
    it->copy[other] = *next;
    atomic_store_explicit(&it->current, other, memory_order_release);
}

#endif
