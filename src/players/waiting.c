// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who waits, and the one timer (waiting.h).
// Errors: a timer that cannot be set is set by the next who waits, or by housekeeping.
#include "players/waiting.h"

#include "base/clock.h"
#include "players/conn.h"
#include "players/players.h"
#include "vault/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

// What goes on for as long as it must: since when is of no interest.
#define UNTIMED                                                                                    \
    ((unsigned)(WAITING_JOIN | WAITING_POLL | WAITING_JUDGE | WAITING_ACK | WAITING_WATCH))

struct waiting *waiting_make(struct players *players, event_callback_fn look)
{
    struct waiting *waiting = calloc(1, sizeof *waiting);
    if (!waiting)
        return NULL;
    waiting->armed_ms = UINT64_MAX;
    waiting->slot = calloc(players->vault->head->n_slots, sizeof *waiting->slot);
    waiting->timer = evtimer_new(players->base, look, players);
    if (waiting->slot && waiting->timer)
        return waiting;
    waiting_stop(waiting);
    waiting_forget(waiting);
    return NULL;
}

void waiting_stop(struct waiting *waiting)
{
    if (waiting->timer)
        event_free(waiting->timer);
}

void waiting_forget(struct waiting *waiting)
{
    if (waiting)
        free(waiting->slot);
    free(waiting);
}

void waiting_arm(struct waiting *waiting, uint64_t at_ms)
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
    players->waiting->game[game].retry_ms = 0;
    waiting_hurry(players);
}

void waiting_hurry(struct players *players)
{
    if (players->waiting->n)
        waiting_arm(players->waiting, 0);
}

struct waiting_game *waiting_game_of(const struct conn *conn)
{
    return &conn->players->waiting->game[conn_slot(conn)->game];
}

uint64_t waiting_due_ms(const struct conn *conn, uint64_t now_ms)
{
    const uint64_t retry_ms = waiting_game_of(conn)->retry_ms;
    uint64_t due = now_ms + (conn->waits == WAITING_ACK ? WAITING_ACK_MS : WAITING_SLOW_TICK_MS);
    if (conn->waits & WAITING_JUDGE && conn->judge_ms < due)
        due = conn->judge_ms > now_ms ? conn->judge_ms : now_ms + 1;
    if (conn->waits & WAITING_JOIN && retry_ms < due)
        due = retry_ms > now_ms + WAITING_TICK_MS ? retry_ms : now_ms + WAITING_TICK_MS;
    if (conn->waits & WAITING_POLL && now_ms + WAITING_TICK_MS < due)
        due = now_ms + WAITING_TICK_MS;
    return due;
}

// Only those who join have an order; mostly the newest comes last, and nothing is to be sorted.
static void begin_join(struct conn *conn)
{
    struct waiting *waiting = conn->players->waiting;
    uint64_t opened_ms = conn_slot(conn)->opened_ms;
    if (conn->is_listed || opened_ms < waiting->newest_ms)
        waiting->is_unsorted = true;
    else
        waiting->newest_ms = opened_ms;
    waiting->full_ms = 0;
}

void waiting_set(struct conn *conn, unsigned for_what)
{
    struct waiting *waiting = conn->players->waiting;
    unsigned begun = for_what & ~(unsigned)conn->waits;
    uint64_t now_ms = clock_boot_ms();
    bool was_waiting = conn->waits != 0;
    conn->waits = (uint16_t)for_what;
    if (for_what == 0)
        return; // the next look takes it out
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
    waiting_arm(waiting, begun & WAITING_JOIN ? now_ms : waiting_due_ms(conn, now_ms));
}

const char *waiting_why(int error)
{
    switch (error) {
    case 0:
        return "too many wait";
    case EPERM:
        return "a process of another user listens there";
    case ELOOP:
        return "it leads back to stayd";
    case EAGAIN:
        return "it does not take connections as fast as they come";
    case ENOTCONN:
        return "its connector is not here";
    default:
        return strerror(error);
    }
}
