// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// All players at once (crowd.h).
#include "players/crowd.h"

#include "base/address.h"
#include "base/log.h"
#include "game/names.h"
#include "players/conn.h"
#include "players/connector.h"
#include "players/games.h"
#include "players/ids.h"
#include "players/look.h"
#include "players/loops.h"
#include "players/origins.h"
#include "players/players.h"
#include "players/serve.h"
#include "players/waiting.h"
#include "vault/slot.h"

#include <stdlib.h>

static bool make_parts(struct players *players, uint32_t n_slots, uint32_t n_seats)
{
    players->conns = calloc(n_slots, sizeof *players->conns);
    players->ids = ids_make(n_slots);
    players->origins = origins_make(n_seats);
    players->games = calloc(1, sizeof *players->games);
    players->loops = calloc(1, sizeof *players->loops);
    players->connectors = calloc(1, sizeof *players->connectors);
    players->waiting = waiting_make(players, look_at_waiting);
    players->woken.slot = calloc(n_slots, sizeof *players->woken.slot);
    players->woken.event = event_new(players->base, -1, 0, serve_woken, players);
    players->put_off.slot = calloc(n_slots, sizeof *players->put_off.slot);
    players->put_off.event = evtimer_new(players->base, serve_put_off, players);
    return players->conns && players->ids && players->origins && players->games && players->loops &&
           players->connectors && players->waiting && players->woken.slot && players->woken.event &&
           players->put_off.slot && players->put_off.event;
}

int crowd_make(struct players *players)
{
    const uint32_t n_slots = players->vault->head->n_slots;
    if (!make_parts(players, n_slots, players->vault->head->n_seats) ||
        slot_pool_make(&players->slots, players->vault) < 0 ||
        cell_pool_make(&players->cells, players->vault) < 0 ||
        chunk_pool_make(&players->chunks, players->vault) < 0)
        return -1;
    for (uint32_t i = 0; i < n_slots; i++)
        players->conns[i].players = players;
    slot_pool_wipe(&players->slots);
    return 0;
}

void crowd_forget(struct players *players)
{
    waiting_forget(players->waiting);
    chunk_pool_free(&players->chunks);
    cell_pool_free(&players->cells);
    slot_pool_free(&players->slots);
    ids_free(players->ids);
    tally_free(players->origins);
    free(players->conns);
    free(players->games);
    free(players->loops);
    free(players->connectors);
    free(players->woken.slot);
    free(players->put_off.slot);
    players->conns = NULL;
}

void crowd_stop(struct players *players)
{
    names_free(players->names);
    games_stop(players);
    waiting_stop(players->waiting);
    event_free(players->woken.event);
    event_free(players->put_off.event);
}

void crowd_serve(struct players *players)
{
    slot_each_live(players->vault, slot)
        conn_open(players, slot);
    slot_each_live(players->vault, slot)
        serve_conn(conn_of(players, slot), 0);
}

void crowd_close_poison(struct players *players)
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

void crowd_begin_end(struct players *players)
{
    players->is_ending = true;
    slot_each_live(players->vault, slot) {
        struct conn *conn = conn_of(players, slot);
        serve_through(conn);
        if (conn->is_over)
            continue;
        slot_note_end(slot, SLOT_END_STOP);
        struct relay relay = conn_relay(conn);
        relay_end(&relay);
        serve_conn(conn, RELAY_READY_ALL);
    }
}
