// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One player's conn (conn.h). Errors: none.
#include "players/conn.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "players/ending.h"
#include "players/ids.h"
#include "players/origins.h"
#include "players/players.h"
#include "vault/flow.h"
#include "vault/slot.h"

// A player's share: a few lines and their answers at once, and some 80 a second. Who has had more
// is not kept waiting for longer than this takes off MOST_WORK.
#define SHARE_A_MS 2u
#define SHARE_AT_ONCE 48u
#define MOST_WORK 1000u

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
    // An entry of the slot's last owner may still stand in the list.
    bool is_listed = conn->is_listed;
    *conn = (struct conn){.players = players, .relay = RELAY_CONN_NEW, .is_listed = is_listed};
    players->n_live++;
    origins_add(players, slot);
    ids_add(players->ids, slot->id, vault_slot_index(players->vault, slot));
}

void conn_wake(struct conn *conn, unsigned ready)
{
    struct players *players = conn->players;
    struct woken *woken = &players->woken;
    conn->relay.ready |= (uint8_t)(ready & RELAY_READY_ALL);
    if (conn->is_woken)
        return;
    conn->is_woken = true;
    const uint32_t n_slots = players->vault->head->n_slots;
    woken->slot[(woken->first + woken->n++) % n_slots] = (uint32_t)(conn - players->conns);
    if (!woken->is_under_way)
        event_active(woken->event, 0, 1);
}

void conn_begin_woken(struct players *players)
{
    players->woken.is_under_way = true;
}

// libevent runs in this turn what becomes active in it, and in the next one what a timer says.
void conn_end_woken(struct players *players)
{
    struct woken *woken = &players->woken;
    const struct timeval at_once = {0};
    woken->is_under_way = woken->n && event_add(woken->later, &at_once) == 0;
    if (woken->n && !woken->is_under_way) // no memory
        event_active(woken->event, 0, 1);
}

void conn_charge(struct conn *conn, unsigned work)
{
    conn->players->work += work;
    conn->work = conn->work + work < MOST_WORK ? conn->work + work : MOST_WORK;
}

bool conn_is_busy(struct conn *conn)
{
    if (conn->work <= SHARE_AT_ONCE)
        return false; // and no look at the clock
    const uint64_t now_ms = clock_boot_ms();
    const uint64_t share = (now_ms - conn->share_ms) * SHARE_A_MS;
    conn->work = conn->work > share ? conn->work - (uint32_t)share : 0;
    conn->share_ms = now_ms;
    return conn->work > SHARE_AT_ONCE;
}

struct conn *conn_next_woken(struct players *players)
{
    struct woken *woken = &players->woken;
    if (woken->n == 0)
        return NULL;
    struct conn *conn = &players->conns[woken->slot[woken->first]];
    woken->first = (woken->first + 1) % players->vault->head->n_slots;
    woken->n--;
    conn->is_woken = false;
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
    say_closed(conn);
    origins_drop(players, conn_slot(conn));
    players_free_slot(players, conn_slot(conn));
    players->n_live--;
    players_check_end(players);
}
