// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Whose turn it is (look.h), and the few things that need a clock. Errors: none.
#include "players/look.h"

#include "base/clock.h"
#include "base/log.h"
#include "players/conn.h"
#include "players/games.h"
#include "players/join.h"
#include "players/players.h"
#include "players/seats.h"
#include "players/waiting.h"
#include "vault/flow.h"
#include "vault/slot.h"

#include <poll.h>
#include <stdlib.h>

#define LINGER_MS 5000u
#define HALF_MS (10 * 60 * 1000u)
#define LEFT_MS 30000u  // for a game that comes back at once
#define STUCK_MS 60000u // without a byte taken

static void drop(struct conn *conn)
{
    struct relay relay = conn_relay(conn);
    relay_drop(&relay);
    conn_wake(conn, 0);
}

// A player who does not read may still be held, if its game is dead, as long as any other.
static bool is_stuck(const struct conn *conn, uint64_t waited_ms)
{
    const struct slot *slot = conn_slot(conn);
    uint64_t hold_ms = conn->players->heritage->conf.game[slot->game].hold_ms;
    if (!(conn->waits & WAITING_STUCK) || waited_ms <= STUCK_MS)
        return false;
    return flow_is_ending(flow_now(&slot->flow[TO_PLAYER])) || games_is_alive(slot) ||
           (hold_ms != CONF_FOREVER && waited_ms > hold_ms);
}

// A held player whose buffers are full is not read, so that its end of file would not be seen.
static void notice_leaving(struct conn *conn)
{
    const struct slot *slot = conn_slot(conn);
    struct pollfd poll_fd = {.fd = slot->player_fd, .events = POLLRDHUP};
    if (slot->game_fd >= 0 || conn->watched & RELAY_READ_PLAYER || conn->relay.has_left ||
        poll(&poll_fd, 1, 0) != 1)
        return;
    conn->relay.has_left = true;
    conn_wake(conn, 0);
}

// A game that has forgotten to acknowledge hangs its player, and does not know why.
static void say_unacked(struct conn *conn, uint64_t now_ms)
{
    const struct slot *slot = conn_slot(conn);
    char id[LOG_ID_BYTES];
    if (!(conn->waits & WAITING_ACK) || conn->is_ack_missed ||
        now_ms < conn->unacked_ms + WAITING_ACK_MS)
        return;
    conn->is_ack_missed = true;
    log_event(LOG_INPUT_WAITS, "id=%s game=%s unacknowledged=%u", log_id(id, slot->id),
              conn->players->heritage->conf.game[slot->game].name,
              (unsigned)flow_now(&slot->flow[TO_GAME])->input.unacked);
}

// Nobody tells that its sockets are ready: find out. If they can be watched now, they are.
static void try_unwatched(struct conn *conn)
{
    if (conn->waits & WAITING_WATCH)
        conn_wake(conn, RELAY_READY_ALL);
}

// Who has no seat has time to hear why, counted over all workers.
static bool is_farewell_over(const struct conn *conn, uint64_t now_ms)
{
    const struct slot *slot = conn_slot(conn);
    return slot_is_farewell(slot) && now_ms > slot->opened_ms + SEATS_FAREWELL_MS;
}

// Look at one that waits. It may stop waiting, or be closed.
static void look(struct conn *conn, uint64_t now_ms)
{
    uint64_t sent = flow_now(&conn_slot(conn)->flow[TO_PLAYER])->sent;
    if (conn->waits & WAITING_STUCK && sent != conn->sent) {
        conn->sent = sent;
        conn->since_ms = now_ms;
    }
    uint64_t waited_ms = now_ms > conn->since_ms ? now_ms - conn->since_ms : 0;
    say_unacked(conn, now_ms);
    if (is_farewell_over(conn, now_ms) || (conn->waits & WAITING_LINGER && waited_ms > LINGER_MS))
        conn_end(conn, "its program did not close");
    else if (conn->waits & WAITING_HALF && waited_ms > HALF_MS)
        conn_end(conn, "its program did not close");
    else if (is_stuck(conn, waited_ms))
        conn_end(conn, "the player does not read");
    else if (conn->waits & WAITING_LEFT && waited_ms > LEFT_MS && conn_slot(conn)->game_fd < 0)
        drop(conn);
    else if (conn->waits & WAITING_POLL)
        conn_wake(conn, RELAY_WRITE_GAME);
    else if (conn->waits & WAITING_JUDGE && now_ms >= conn->judge_ms)
        conn_wake(conn, 0);
    if (conn->waits & WAITING_JOIN) // a player who left before there was a game has both
        join_try(conn, waited_ms, now_ms);
}

static int by_age(const void *a, const void *b, void *arg)
{
    const struct slot *slots = arg;
    uint64_t one = slots[*(const uint32_t *)a].opened_ms;
    uint64_t other = slots[*(const uint32_t *)b].opened_ms;
    return one < other ? -1 : one > other;
}

static void put_in_order(struct players *players)
{
    struct waiting *waiting = players->waiting;
    if (waiting->is_unsorted)
        qsort_r(waiting->slot, waiting->n, sizeof *waiting->slot, by_age, players->vault->slots);
    waiting->is_unsorted = false;
}

// Does it only wait for a game to which nobody can be linked now?
static bool is_blocked(const struct conn *conn, uint64_t now_ms)
{
    const struct waiting_game *it = waiting_game_of(conn);
    return conn->waits == WAITING_JOIN &&
           (now_ms < it->retry_ms || (it->credit_ms == now_ms && it->credit < 1));
}

static void count_held(const struct conn *conn)
{
    const struct slot *slot = conn_slot(conn);
    waiting_game_of(conn)->n_held += conn->waits & WAITING_JOIN && slot->held_ms != 0;
}

// Those who came with this look are behind n. Returns when to look next.
static uint64_t look_at_all(struct players *players, uint64_t now_ms, bool is_full)
{
    struct waiting *waiting = players->waiting;
    uint64_t next_ms = UINT64_MAX;
    // Looking at one can add others behind `n`; it takes none out.
    uint32_t n = waiting->n;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct conn *conn = &players->conns[waiting->slot[i]];
        if (conn->waits && (is_full || !is_blocked(conn, now_ms)))
            look(conn, now_ms);
        if (conn->waits && is_full)
            try_unwatched(conn);
        if (conn->waits && is_full)
            notice_leaving(conn);
        conn->is_listed = conn->waits != 0;
        if (!conn->is_listed)
            continue;
        waiting->slot[kept++] = waiting->slot[i];
        count_held(conn);
        uint64_t due = waiting_due_ms(conn, now_ms);
        if (due < next_ms)
            next_ms = due;
    }
    for (uint32_t i = n; i < waiting->n; i++)
        waiting->slot[kept++] = waiting->slot[i];
    waiting->n = kept;
    return next_ms;
}

void look_at_waiting(evutil_socket_t fd, short what, void *arg)
{
    struct players *players = arg;
    struct waiting *waiting = players->waiting;
    unsigned n_games = players->heritage->conf.n_games;
    uint64_t now_ms = clock_boot_ms();
    bool is_full = now_ms >= waiting->full_ms;
    (void)fd;
    (void)what;
    put_in_order(players);
    waiting->armed_ms = UINT64_MAX;
    if (is_full)
        waiting->full_ms = now_ms + WAITING_SLOW_TICK_MS;
    for (unsigned i = 0; i < n_games; i++)
        waiting->game[i].n_held = 0;
    uint64_t next_ms = look_at_all(players, now_ms, is_full);
    for (unsigned i = 0; i < n_games; i++)
        if (waiting->game[i].n_held == 0)
            games_note_all_linked(players, i);
    if (waiting->n)
        waiting_arm(waiting, next_ms);
}
