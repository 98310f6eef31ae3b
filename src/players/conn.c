// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One player's conn (conn.h). Errors: none.
#include "players/conn.h"

#include "base/address.h"
#include "base/log.h"
#include "players/ending.h"
#include "players/ids.h"
#include "players/origins.h"
#include "players/players.h"
#include "vault/flow.h"
#include "vault/slot.h"

struct slot *conn_slot(const struct conn *conn)
{
    return &conn->players->vault->slots[conn - conn->players->conns];
}

struct conn *conn_of(const struct players *players, const struct slot *slot)
{
    return &players->conns[vault_slot_index(players->vault, slot)];
}

struct relay conn_relay(struct conn *conn)
{
    return (struct relay){
        .vault = conn->players->vault,
        .chunks = &conn->players->chunks,
        .slot = conn_slot(conn),
        .conn = &conn->relay,
        .work = RELAY_WORK_ALL,
    };
}

struct conn *conn_find(const struct players *players, const uint8_t id[16])
{
    uint32_t index = ids_find(players->ids, id);
    struct conn *conn = index == SLOT_NONE ? NULL : &players->conns[index];
    return conn && !conn->is_over ? conn : NULL;
}

void conn_open(struct players *players, struct slot *slot)
{
    struct conn *conn = conn_of(players, slot);
    // An entry of the slot's last owner may still stand in the list, or in the ring.
    bool is_listed = conn->is_listed;
    bool is_put_off = conn->is_put_off;
    *conn = (struct conn){.players = players,
                          .relay = RELAY_CONN_NEW,
                          .is_listed = is_listed,
                          .is_put_off = is_put_off};
    players->n_live++;
    if (slot_is_farewell(slot)) {
        players->n_farewells++;
        return;
    }
    origins_add(players, slot);
    ids_add(players->ids, slot->id, vault_slot_index(players->vault, slot));
}

static void append(struct conn_ring *ring, const struct conn *conn)
{
    const struct players *players = conn->players;
    const uint32_t n_slots = players->vault->head->n_slots;
    ring->slot[(ring->first + ring->n++) % n_slots] = (uint32_t)(conn - players->conns);
}

static struct conn *take_first(const struct players *players, struct conn_ring *ring)
{
    if (ring->n == 0)
        return NULL;
    struct conn *conn = &players->conns[ring->slot[ring->first]];
    ring->first = (ring->first + 1) % players->vault->head->n_slots;
    ring->n--;
    return conn;
}

void conn_wake(struct conn *conn, unsigned ready)
{
    struct conn_ring *woken = &conn->players->woken;
    conn->relay.ready |= (uint8_t)(ready & RELAY_READY_ALL);
    if (conn->is_woken)
        return;
    conn->is_woken = true;
    append(woken, conn);
    event_active(woken->event, 0, 1);
}

struct conn *conn_next_woken(struct players *players)
{
    struct conn *conn = take_first(players, &players->woken);
    if (conn)
        conn->is_woken = false;
    return conn;
}

void conn_await_put_off(struct players *players)
{
    struct conn_ring *put_off = &players->put_off;
    const struct timeval at_once = {0};
    if (put_off->n == 0 || evtimer_pending(put_off->event, NULL))
        return;
    // What is made active now runs in this turn of the loop, and what a timer says in the next one.
    if (event_add(put_off->event, &at_once) < 0) // no memory
        event_active(put_off->event, 0, 1);
}

void conn_put_off(struct conn *conn, unsigned ready)
{
    conn->relay.ready |= (uint8_t)(ready & RELAY_READY_ALL);
    if (conn->is_put_off)
        return;
    conn->is_put_off = true;
    append(&conn->players->put_off, conn);
    conn_await_put_off(conn->players);
}

struct conn *conn_next_put_off(struct players *players)
{
    struct conn *conn = take_first(players, &players->put_off);
    if (conn)
        conn->is_put_off = false;
    return conn;
}

static void unwatch(struct conn *conn, struct event *event, unsigned readiness)
{
    if (event_initialized(event))
        event_del(event);
    conn->watched = (uint8_t)(conn->watched & ~readiness);
}

void conn_unwatch_game(struct conn *conn)
{
    unwatch(conn, &conn->game, RELAY_READ_GAME | RELAY_WRITE_GAME);
}

void conn_end(struct conn *conn, const char *besides)
{
    conn->is_over = true;
    conn->besides = besides;
    conn->waits = 0;
    unwatch(conn, &conn->player, RELAY_READ_PLAYER | RELAY_WRITE_PLAYER);
    conn_unwatch_game(conn);
    conn_wake(conn, 0);
}

static void say_closed(const struct conn *conn)
{
    const struct slot *slot = conn_slot(conn);
    char id[LOG_ID_BYTES];
    char address[ADDRESS_TEXT_BYTES];
    struct ending ending;
    ending_look(&ending, slot);
    log_event(LOG_PLAYER_CLOSE,
              "address=%s id=%s by=%s why=\"%s%s%s\" from_player=%llu to_player=%llu",
              address_print(address, slot->address), log_id(id, slot->id), ending.by, ending.why,
              conn->besides ? "; " : "", conn->besides ? conn->besides : "",
              (unsigned long long)flow_now(&slot->flow[TO_GAME])->received,
              (unsigned long long)flow_now(&slot->flow[TO_PLAYER])->sent);
}

void conn_free(struct conn *conn)
{
    struct players *players = conn->players;
    if (slot_is_farewell(conn_slot(conn))) {
        players->n_farewells--;
    } else {
        say_closed(conn);
        origins_drop(players, conn_slot(conn));
    }
    players_free_slot(players, conn_slot(conn));
    players->n_live--;
    players_check_end(players);
}
