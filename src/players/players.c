// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What all of the room need (players.h). Errors: none.
#include "players/players.h"

#include "players/ids.h"

#include <sys/eventfd.h>

void players_note_claims(const struct players *players, const struct slot *slot)
{
    struct vault_head *head = players->vault->head;
    uint32_t crate = vault_slot_index(players->vault, slot) / VAULT_CRATE_SLOTS;
    int fd = vault_guard_fds(players->vault)[HERITAGE_CLAIMS];
    // Marked first: a guard that has read the number, and done all marks, has stored that many.
    atomic_fetch_or(&head->store.marks[crate / 64], UINT64_C(1) << crate % 64);
    head->store.claims_noted++;
    if (fd >= 0)
        eventfd_write(fd, 1);
}

void players_note_all_claims(const struct players *players)
{
    const struct vault *vault = players->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i += VAULT_CRATE_SLOTS)
        players_note_claims(players, &vault->slots[i]);
}

void players_free_slot(struct players *players, struct slot *slot)
{
    const bool is_farewell = slot_is_farewell(slot);
    if (!is_farewell)
        ids_drop(players->ids, slot->id);
    slot_free(&players->slots, &players->chunks, &players->cells, slot);
    if (!is_farewell) // which nobody keeps
        players_note_claims(players, slot);
}

void players_check_end(const struct players *players)
{
    if (players->is_ending && players->n_live == 0)
        event_base_loopbreak(players->base);
}
