// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The slots that wait (waiting.h): joining the game, in order of arrival and at a
// rate the game's backlog sets; and the few things that need a clock.
// Errors: a player whose game cannot be reached in time is told and closed.
#include "worker/waiting.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "game/link.h"
#include "vault/facts.h"
#include "vault/flow.h"
#include "vault/slot.h"
#include "worker/worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 10u
#define SLOW_TICK_MS 250u
#define BUSY_RETRY_MS 10u  // the game's backlog is full
#define AWAY_RETRY_MS 250u // nobody listens
#define TELL_AFTER_MS 3000u
#define LINGER_MS 5000u
#define HALF_MS (10 * 60 * 1000u)
#define LEFT_MS 30000u  // for a game that comes back at once
#define STUCK_MS 60000u // without a byte taken

#define TEXT_WAIT                                                                                  \
    "The game is not answering yet. You are connected and will be let in when it does.\r\n"
#define TEXT_GONE "The game cannot be reached. Please try again later.\r\n"

static_assert(CONF_MAX_GAMES <= 32, "waiting.game_retry_ms");

static void tick(evutil_socket_t fd, short what, void *arg);

int waiting_make(struct worker *worker)
{
    struct waiting *waiting = &worker->waiting;
    waiting->entry = calloc(worker->vault->head->n_slots, sizeof *waiting->entry);
    waiting->armed_ms = UINT32_MAX;
    waiting->timer = evtimer_new(worker->base, tick, worker);
    return waiting->entry && waiting->timer ? 0 : -1;
}

void waiting_free(struct waiting *waiting)
{
    if (waiting->timer)
        event_free(waiting->timer);
    waiting_forget(waiting);
}

void waiting_forget(struct waiting *waiting)
{
    free(waiting->entry);
    waiting->entry = NULL;
}

// Set the timer, unless it comes sooner anyway.
static void arm(struct waiting *waiting, uint32_t after_ms)
{
    struct timeval after = {.tv_usec = (suseconds_t)after_ms * 1000};
    if (waiting->armed_ms <= after_ms)
        return;
    waiting->armed_ms = after_ms;
    event_add(waiting->timer, &after);
}

void waiting_hurry(struct worker *worker)
{
    if (worker->waiting.n)
        arm(&worker->waiting, 0);
}

// Some things are hurried by what others do (a backlog, memory), some only end.
static uint32_t tick_of(unsigned waits)
{
    return waits & (WAITING_JOIN | WAITING_POLL) ? TICK_MS : SLOW_TICK_MS;
}

static void restart_clock(struct waiting *waiting, uint32_t slot)
{
    for (uint32_t i = 0; i < waiting->n; i++)
        if (waiting->entry[i].slot == slot)
            waiting->entry[i].since_ms = clock_boot_ms();
}

void waiting_set(struct conn *conn, unsigned for_what)
{
    struct waiting *waiting = &conn->worker->waiting;
    uint32_t slot = vault_slot_index(conn->worker->vault, conn_slot(conn));
    unsigned begun = for_what & ~(unsigned)conn->waits;
    bool was_waiting = conn->waits != 0;
    conn->waits = (uint8_t)for_what;
    if (for_what == 0)
        return; // tick takes the entry out
    if (!conn->is_listed) {
        conn->is_listed = true;
        waiting->entry[waiting->n++] = (struct waiting_entry){slot, clock_boot_ms(), 0};
    } else if (!was_waiting || begun & ~(unsigned)(WAITING_JOIN | WAITING_POLL)) {
        restart_clock(waiting, slot);
    }
    arm(waiting, begun & WAITING_JOIN ? 0 : tick_of(for_what));
}

// The host name, within its time. True: settled, one way or the other.
static bool settle_name(struct conn *conn, uint64_t waited_ms)
{
    struct worker *worker = conn->worker;
    struct slot *slot = conn_slot(conn);
    const char *host = NULL;
    if (slot->flags & SLOT_FLAG_NAMED)
        return true;
    enum names_status status = names_find(worker->names, slot->address, &host);
    const struct conf *conf = &worker->heritage->conf;
    if (status == NAMES_PENDING && conf->names == CONF_NAMES_ON &&
        waited_ms < conf->name_timeout_ms)
        return false;
    if (status == NAMES_FOUND && !facts_add(slot, FACT_HOST, host, strlen(host))) {
        char id[LOG_ID_BYTES];
        log_event(LOG_DROPPED_FACT, "id=%s fact=%d bytes=%zu", log_id(id, slot->id), FACT_HOST,
                  strlen(host));
    }
    slot->flags |= SLOT_FLAG_NAMED;
    return true;
}

static void say_linked(const struct slot *slot)
{
    char id[LOG_ID_BYTES];
    log_event(LOG_GAME_LINK, "id=%s", log_id(id, slot->id));
}

// The game cannot be reached: the player is told so once, and in the end closed. Before
// there is a link nothing but our own words can have gone to the player.
static void keep_waiting(struct conn *conn, const struct conf_game *game)
{
    struct worker *worker = conn->worker;
    struct slot *slot = conn_slot(conn);
    uint64_t waited_ms = clock_boot_ms() - slot->opened_ms;
    int error = worker->waiting.game_error[slot->game];
    bool is_told = flow_now(&slot->flow[TO_PLAYER])->received > 0;
    if (error == 0)
        return;
    if (game->hold_ms != CONF_FOREVER && waited_ms > game->hold_ms) {
        log_event(LOG_GAME_FAILED, "game=%s connect=%s error=\"%s\"", game->name, game->connect,
                  strerror(error));
        relay_say(worker->vault, &worker->chunks, slot, TEXT_GONE);
        relay_end(worker->vault, &worker->chunks, slot);
        conn_serve(conn, 0);
    } else if (waited_ms >= TELL_AFTER_MS && !is_told &&
               relay_say(worker->vault, &worker->chunks, slot, TEXT_WAIT)) {
        log_event(LOG_GAME_WAIT, "game=%s connect=%s error=\"%s\"", game->name, game->connect,
                  strerror(error));
        conn_serve(conn, 0);
    }
}

static void try_join(struct conn *conn, uint64_t waited_ms, uint64_t now_ms)
{
    struct worker *worker = conn->worker;
    struct waiting *waiting = &worker->waiting;
    struct slot *slot = conn_slot(conn);
    const struct conf_game *game = &worker->heritage->conf.game[slot->game];
    if (!settle_name(conn, waited_ms) || flow_now(&slot->flow[TO_PLAYER])->phase != FLOW_OPEN)
        return;
    // Those who came first go first: while one is refused, nobody else tries.
    if (now_ms < waiting->game_retry_ms[slot->game]) {
        keep_waiting(conn, game);
        return;
    }
    enum link_status status = link_make(slot, game);
    waiting->game_error[slot->game] = status == LINK_MADE ? 0 : errno;
    if (status == LINK_MADE) {
        say_linked(slot);
        conn_serve(conn, RELAY_READY_ALL);
        return;
    }
    waiting->game_retry_ms[slot->game] =
        clock_boot_ms() + (status == LINK_BUSY ? BUSY_RETRY_MS : AWAY_RETRY_MS);
    keep_waiting(conn, game);
}

static void drop(struct conn *conn)
{
    relay_drop(conn->worker->vault, &conn->worker->chunks, conn_slot(conn));
    conn_serve(conn, 0);
}

// Look at one that waits. It may stop waiting, or be closed.
static void look(struct conn *conn, struct waiting_entry *entry, uint64_t now_ms)
{
    uint64_t sent = flow_now(&conn_slot(conn)->flow[TO_PLAYER])->sent;
    if (conn->waits & WAITING_STUCK && sent != entry->sent) {
        entry->sent = sent;
        entry->since_ms = now_ms;
    }
    uint64_t waited_ms = now_ms > entry->since_ms ? now_ms - entry->since_ms : 0;
    if (conn->waits & WAITING_LINGER && waited_ms > LINGER_MS)
        conn_close(conn, "ended; the player did not close");
    else if (conn->waits & WAITING_HALF && waited_ms > HALF_MS)
        conn_close(conn, "ended by the game; the player did not close");
    else if (conn->waits & WAITING_STUCK && waited_ms > STUCK_MS)
        conn_close(conn, "ended by the game; the player does not read");
    else if (conn->waits & WAITING_LEFT && waited_ms > LEFT_MS)
        drop(conn);
    else if (conn->waits & WAITING_POLL)
        conn_serve(conn, RELAY_WRITE_GAME);
    if (conn->waits & WAITING_JOIN) // a player who left before there was a game has both
        try_join(conn, waited_ms, now_ms);
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    struct waiting *waiting = &worker->waiting;
    uint64_t now_ms = clock_boot_ms();
    (void)fd;
    (void)what;
    waiting->armed_ms = UINT32_MAX;
    // Looking at one can add others behind `n`; it takes none out.
    uint32_t n = waiting->n;
    uint32_t kept = 0;
    uint32_t next_ms = SLOW_TICK_MS;
    for (uint32_t i = 0; i < n; i++) {
        struct conn *conn = &worker->conns[waiting->entry[i].slot];
        if (conn->waits)
            look(conn, &waiting->entry[i], now_ms);
        conn->is_listed = conn->waits != 0;
        if (conn->is_listed)
            waiting->entry[kept++] = waiting->entry[i];
        if (conn->waits && tick_of(conn->waits) < next_ms)
            next_ms = tick_of(conn->waits);
    }
    for (uint32_t i = n; i < waiting->n; i++)
        waiting->entry[kept++] = waiting->entry[i];
    waiting->n = kept;
    if (kept)
        arm(waiting, next_ms);
}
