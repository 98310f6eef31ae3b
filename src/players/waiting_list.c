// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who waits, in order, and the one timer (waiting.h): when each is looked at, and the few things
// that need a clock.
// Errors: a timer that cannot be set is set by the next who waits, or by housekeeping.
#include "players/waiting_part.h"

#include "base/clock.h"
#include "base/log.h"
#include "players/players.h"
#include "vault/flow.h"
#include "vault/slot.h"

#include <poll.h>
#include <stdlib.h>

#define TICK_MS 10u
#define SLOW_TICK_MS 250u
#define LINGER_MS 5000u
#define HALF_MS (10 * 60 * 1000u)
#define LEFT_MS 30000u  // for a game that comes back at once
#define STUCK_MS 60000u // without a byte taken
#define ACK_MS 5000u    // nothing is done about it, but it is said
// What goes on for as long as it must: since when is of no interest.
#define UNTIMED                                                                                    \
    ((unsigned)(WAITING_JOIN | WAITING_POLL | WAITING_JUDGE | WAITING_ACK | WAITING_WATCH))

static void tick(evutil_socket_t fd, short what, void *arg);

int waiting_make(struct players *players)
{
    struct waiting *waiting = &players->waiting;
    waiting->slot = calloc(players->vault->head->n_slots, sizeof *waiting->slot);
    waiting->armed_ms = UINT64_MAX;
    waiting->timer = evtimer_new(players->base, tick, players);
    return waiting->slot && waiting->timer ? 0 : -1;
}

void waiting_free(struct waiting *waiting)
{
    if (waiting->timer)
        event_free(waiting->timer);
    waiting_forget(waiting);
}

void waiting_forget(struct waiting *waiting)
{
    free(waiting->slot);
    waiting->slot = NULL;
}

// Set the timer, unless it comes sooner anyway.
static void arm(struct waiting *waiting, uint64_t at_ms)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t after_ms = at_ms > now_ms ? at_ms - now_ms : 0;
    struct timeval after = {(time_t)(after_ms / 1000), (suseconds_t)(after_ms % 1000) * 1000};
    if (waiting->armed_ms <= at_ms)
        return;
    // Without memory it stays as it was; housekeeping hurries those who wait.
    if (event_add(waiting->timer, &after) == 0)
        waiting->armed_ms = at_ms;
}

void waiting_retry(struct players *players, unsigned game)
{
    players->waiting.game[game].retry_ms = 0;
    waiting_hurry(players);
}

void waiting_hurry(struct players *players)
{
    if (players->waiting.n)
        arm(&players->waiting, 0);
}

static struct waiting_game *game_of(const struct conn *conn)
{
    return &conn->players->waiting.game[conn_slot(conn)->game];
}

// When to look at it next. Some things are hurried by what others do (a backlog, memory), some only
// end.
static uint64_t due_ms(const struct conn *conn, uint64_t now_ms)
{
    uint64_t due = now_ms + (conn->waits == WAITING_ACK ? ACK_MS : SLOW_TICK_MS);
    if (conn->waits & WAITING_JUDGE && conn->judge_ms < due)
        due = conn->judge_ms > now_ms ? conn->judge_ms : now_ms + 1;
    if (conn->waits & WAITING_JOIN && game_of(conn)->retry_ms < due)
        due =
            game_of(conn)->retry_ms > now_ms + TICK_MS ? game_of(conn)->retry_ms : now_ms + TICK_MS;
    if (conn->waits & WAITING_POLL && now_ms + TICK_MS < due)
        due = now_ms + TICK_MS;
    return due;
}

// Only those who join have an order; mostly the newest comes last, and nothing is to be sorted.
static void begin_join(struct conn *conn)
{
    struct waiting *waiting = &conn->players->waiting;
    uint64_t opened_ms = conn_slot(conn)->opened_ms;
    if (conn->is_listed || opened_ms < waiting->newest_ms)
        waiting->is_unsorted = true;
    else
        waiting->newest_ms = opened_ms;
    waiting->full_ms = 0;
}

void waiting_set(struct conn *conn, unsigned for_what)
{
    struct waiting *waiting = &conn->players->waiting;
    unsigned begun = for_what & ~(unsigned)conn->waits;
    uint64_t now_ms = clock_boot_ms();
    bool was_waiting = conn->waits != 0;
    conn->waits = (uint16_t)for_what;
    if (for_what == 0)
        return; // tick takes it out
    if (!was_waiting || begun & ~UNTIMED)
        conn->since_ms = now_ms;
    if (begun & WAITING_ACK)
        conn->unacked_ms = now_ms;
    if (!was_waiting)
        conn->sent = 0;
    if (begun & WAITING_JOIN)
        begin_join(conn);
    if (!conn->is_listed)
        waiting->slot[waiting->n++] = vault_slot_index(conn->players->vault, conn_slot(conn));
    conn->is_listed = true;
    arm(waiting, begun & WAITING_JOIN ? now_ms : due_ms(conn, now_ms));
}

static void drop(struct conn *conn)
{
    struct relay relay = conn_relay(conn);
    relay_drop(&relay);
    conn_serve(conn, 0);
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
    conn_serve(conn, 0);
}

// A game that has forgotten to acknowledge hangs its player, and does not know why.
static void say_unacked(struct conn *conn, uint64_t now_ms)
{
    const struct slot *slot = conn_slot(conn);
    char id[LOG_ID_BYTES];
    if (!(conn->waits & WAITING_ACK) || conn->is_ack_missed || now_ms < conn->unacked_ms + ACK_MS)
        return;
    conn->is_ack_missed = true;
    log_event(LOG_INPUT_WAITS, "id=%s game=%s unacknowledged=%u", log_id(id, slot->id),
              conn->players->heritage->conf.game[slot->game].name,
              (unsigned)flow_now(&slot->flow[TO_GAME])->input.kept);
}

// Nobody tells that its sockets are ready: find out. If they can be watched now, they are.
static void try_unwatched(struct conn *conn)
{
    if (conn->waits & WAITING_WATCH)
        conn_serve(conn, RELAY_READY_ALL);
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
    if (conn->waits & WAITING_LINGER && waited_ms > LINGER_MS)
        conn_close(conn, "its program did not close");
    else if (conn->waits & WAITING_HALF && waited_ms > HALF_MS)
        conn_close(conn, "its program did not close");
    else if (is_stuck(conn, waited_ms))
        conn_close(conn, "the player does not read");
    else if (conn->waits & WAITING_LEFT && waited_ms > LEFT_MS)
        drop(conn);
    else if (conn->waits & WAITING_POLL)
        conn_serve(conn, RELAY_WRITE_GAME);
    else if (conn->waits & WAITING_JUDGE && now_ms >= conn->judge_ms)
        conn_serve(conn, 0);
    if (conn->waits & WAITING_JOIN) // a player who left before there was a game has both
        waiting_try_join(conn, waited_ms, now_ms);
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
    struct waiting *waiting = &players->waiting;
    if (waiting->is_unsorted)
        qsort_r(waiting->slot, waiting->n, sizeof *waiting->slot, by_age, players->vault->slots);
    waiting->is_unsorted = false;
}

// Does it only wait for a game to which nobody can be linked now?
static bool is_blocked(const struct conn *conn, uint64_t now_ms)
{
    const struct waiting_game *it = game_of(conn);
    return conn->waits == WAITING_JOIN &&
           (now_ms < it->retry_ms || (it->credit_ms == now_ms && it->credit < 1));
}

static void count_held(const struct conn *conn)
{
    const struct slot *slot = conn_slot(conn);
    game_of(conn)->n_held += conn->waits & WAITING_JOIN && slot->held_ms != 0;
}

// Those who came with this look are behind n. Returns when to look next.
static uint64_t look_at_all(struct players *players, uint64_t now_ms, bool is_full)
{
    struct waiting *waiting = &players->waiting;
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
        uint64_t due = due_ms(conn, now_ms);
        if (due < next_ms)
            next_ms = due;
    }
    for (uint32_t i = n; i < waiting->n; i++)
        waiting->slot[kept++] = waiting->slot[i];
    waiting->n = kept;
    return next_ms;
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
    struct players *players = arg;
    struct waiting *waiting = &players->waiting;
    unsigned n_games = players->heritage->conf.n_games;
    uint64_t now_ms = clock_boot_ms();
    bool is_full = now_ms >= waiting->full_ms;
    (void)fd;
    (void)what;
    put_in_order(players);
    waiting->armed_ms = UINT64_MAX;
    if (is_full)
        waiting->full_ms = now_ms + SLOW_TICK_MS;
    for (unsigned i = 0; i < n_games; i++)
        waiting->game[i].n_held = 0;
    uint64_t next_ms = look_at_all(players, now_ms, is_full);
    for (unsigned i = 0; i < n_games; i++)
        if (waiting->game[i].n_held == 0)
            games_note_all_linked(players, i);
    if (waiting->n)
        arm(waiting, next_ms);
}
