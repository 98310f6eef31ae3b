// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// All players at once (players.h).
#include "players/players.h"

#include "base/address.h"
#include "base/log.h"
#include "record/suites.h"
#include "vault/slot.h"

#include <stdlib.h>
#include <sys/eventfd.h>

int players_make(struct players *players)
{
    const uint32_t n_slots = players->vault->head->n_slots;
    players->conns = calloc(n_slots, sizeof *players->conns);
    players->ids = ids_make(n_slots);
    if (!players->conns || !players->ids || slot_pool_make(&players->slots, players->vault) < 0 ||
        cell_pool_make(&players->cells, players->vault) < 0 ||
        chunk_pool_make(&players->chunks, players->vault) < 0)
        return -1;
    slot_pool_wipe(&players->slots);
    return waiting_make(players);
}

void players_forget(struct players *players)
{
    waiting_forget(&players->waiting);
    chunk_pool_free(&players->chunks);
    cell_pool_free(&players->cells);
    slot_pool_free(&players->slots);
    ids_free(players->ids);
    free(players->conns);
    players->conns = NULL;
}

void players_stop(struct players *players)
{
    names_free(players->names);
    games_stop(players);
    waiting_free(&players->waiting);
}

static void say_open(const struct players *players, const struct slot *slot)
{
    char id[LOG_ID_BYTES];
    char address[ADDRESS_TEXT_BYTES];
    const struct suite *suite = suite_find(slot->suite);
    log_event(LOG_PLAYER_OPEN, "address=%s port=%u id=%s listener=%s tls=%s cipher=%s",
              address_print(address, slot->address), slot->port, log_id(id, slot->id),
              players->heritage->conf.listener[slot->listener].name,
              slot_is_tls(slot) ? suite_version_name(slot->tls_version) : "no",
              suite ? suite->name : "-");
}

void players_note_claims(const struct players *players, const struct slot *slot)
{
    struct vault_head *head = players->vault->head;
    uint32_t crate = vault_slot_index(players->vault, slot) / VAULT_CRATE_SLOTS;
    int fd = vault_guard_fds(players->vault)[HERITAGE_CLAIMS];
    head->store.claims_noted++;
    atomic_fetch_or(&head->store.marks[crate / 64], UINT64_C(1) << crate % 64);
    if (fd >= 0)
        eventfd_write(fd, 1);
}

void players_note_all_claims(const struct players *players)
{
    const struct vault *vault = players->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i += VAULT_CRATE_SLOTS)
        players_note_claims(players, &vault->slots[i]);
}

void players_open(struct players *players, struct slot *slot)
{
    players_note_claims(players, slot);
    say_open(players, slot);
    conn_open(players, slot);
    conn_serve(conn_of(players, slot), 0);
}

void players_serve_all(struct players *players)
{
    slot_each_live(players->vault, slot) {
        conn_open(players, slot);
        conn_serve(conn_of(players, slot), 0);
    }
}

void players_free_slot(struct players *players, struct slot *slot)
{
    ids_drop(players->ids, slot->id);
    slot_free(&players->slots, &players->chunks, &players->cells, slot);
    players_note_claims(players, slot);
}

void players_close_poison(struct players *players)
{
    struct vault *vault = players->vault;
    slot_each_live(vault, slot) {
        if (slot->crashes < 2)
            continue;
        char id[LOG_ID_BYTES];
        char address[ADDRESS_TEXT_BYTES];
        log_event(LOG_POISON, "address=%s id=%s crashes=%u", address_print(address, slot->address),
                  log_id(id, slot->id), slot->crashes);
        vault->head->deaths.poisoned++;
        players_free_slot(players, slot);
    }
}

void players_begin_end(struct players *players)
{
    players->is_ending = true;
    slot_each_live(players->vault, slot) {
        struct conn *conn = conn_of(players, slot);
        for (int turn = 0; turn < CONN_ALL_TURNS && slot->state == SLOT_LIVE; turn++)
            conn_serve(conn, RELAY_READY_ALL);
        if (slot->state != SLOT_LIVE)
            continue;
        slot_note_end(slot, SLOT_END_STOP);
        struct relay relay = conn_relay(conn);
        relay_end(&relay);
        conn_serve(conn, RELAY_READY_ALL);
    }
}

void players_check_end(struct players *players)
{
    if (players->is_ending && players->n_live == 0)
        event_base_loopbreak(players->base);
}
