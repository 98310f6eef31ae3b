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
#include "ops/connector.h"
#include "vault/facts.h"
#include "vault/flow.h"
#include "vault/slot.h"
#include "vault/state.h"
#include "worker/away.h"
#include "worker/worker.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TICK_MS 10u
#define SLOW_TICK_MS 250u
#define BUSY_RETRY_MS 10u  // the game's backlog is full
#define AWAY_RETRY_MS 250u // nobody listens
#define TELL_AFTER_MS 3000u
#define LINGER_MS 5000u
#define HALF_MS (10 * 60 * 1000u)
#define LEFT_MS 30000u  // for a game that comes back at once
#define STUCK_MS 60000u // without a byte taken
#define CREDIT_MS 50u   // of reconnect-rate can be saved up

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

void waiting_retry(struct worker *worker, unsigned game)
{
    worker->waiting.game[game].retry_ms = 0;
    waiting_hurry(worker);
}

// Some things are hurried by what others do (a backlog, memory), some only end.
static uint32_t tick_of(unsigned waits)
{
    return waits & (WAITING_JOIN | WAITING_POLL | WAITING_JUDGE) ? TICK_MS : SLOW_TICK_MS;
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
        waiting->is_unsorted = true;
        waiting->entry[waiting->n++] = (struct waiting_entry){slot, clock_boot_ms(), 0};
    } else if (!was_waiting || begun & ~(unsigned)(WAITING_JOIN | WAITING_POLL | WAITING_JUDGE)) {
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

// The game cannot be reached, or the player does not take what comes before that: the player is
// told so once, and in the end closed.
static void keep_waiting(struct conn *conn, const struct conf_game *game, uint64_t now_ms)
{
    struct worker *worker = conn->worker;
    struct slot *slot = conn_slot(conn);
    const struct flow_state *to_player = flow_now(&slot->flow[TO_PLAYER]);
    uint64_t since_ms = slot->held_ms ? slot->held_ms : slot->opened_ms;
    uint64_t waited_ms = now_ms > since_ms ? now_ms - since_ms : 0;
    int error = worker->waiting.game[slot->game].error;
    const char *why = to_player->phase != FLOW_OPEN ? "the player does not read"
                      : error                       ? strerror(error)
                                                    : "too many wait";
    bool is_away = game_now(worker->vault->head, slot->game).flags & GAME_AWAY;
    if (game->hold_ms != CONF_FOREVER && waited_ms > game->hold_ms) {
        log_event(LOG_GAME_FAILED, "game=%s connect=%s error=\"%s\"", game->name, game->connect,
                  why);
        away_give_up(conn);
    } else if ((waited_ms >= TELL_AFTER_MS || is_away) && to_player->phase == FLOW_OPEN &&
               !(to_player->flags & FLOW_AWAY) && away_tell_wait(conn)) {
        log_event(LOG_GAME_WAIT, "game=%s connect=%s error=\"%s\"", game->name, game->connect, why);
    }
}

// May one more link to this game be made now?
static bool has_credit(struct waiting_game *it, const struct conf_game *game, uint64_t now_ms)
{
    double most = game->reconnect_rate * (CREDIT_MS / 1000.0);
    it->credit += game->reconnect_rate * ((double)(now_ms - it->credit_ms) / 1000.0);
    it->credit_ms = now_ms;
    if (most < 1)
        most = 1;
    if (it->credit > most)
        it->credit = most;
    return it->credit >= 1;
}

static enum link_status make_link(struct conn *conn, const struct conf_game *game, int fd,
                                  struct link_terms *terms)
{
    struct worker *worker = conn->worker;
    struct slot *slot = conn_slot(conn);
    static uint8_t state[VAULT_STATE_BYTES];
    bool is_resumed = slot_has(slot, SLOT_FLAG_LINKED) && slot_has(slot, SLOT_FLAG_RESUMES) &&
                      terms->flags & SLOT_FLAG_RESUMES;
    relay_prepare_link(worker->vault, &worker->chunks, slot, is_resumed);
    if (!is_resumed && slot_has(slot, SLOT_FLAG_LINKED))
        state_put(&worker->cells, slot, NULL, 0); // a dead game's, of which this one knows nothing
    const struct header_resumed resumed = {
        .input = relay_input_offset(slot),
        .output = relay_output_offset(slot),
        .state = state,
        .n_state = state_get(worker->vault, slot, state),
    };
    if (is_resumed)
        terms->resumed = &resumed;
    enum link_status status = link_make(slot, game, fd, terms);
    OPENSSL_cleanse(state, resumed.n_state);
    return status;
}

// The game is connected; fd is ours. LINK_AWAY with EAGAIN also: it may yet attach.
static enum link_status take_link(struct conn *conn, const struct conf_game *game, int fd)
{
    struct link_terms terms;
    if (!games_meet(conn->worker, conn_slot(conn)->game, fd, &terms)) {
        close(fd);
        errno = EAGAIN;
        return LINK_AWAY;
    }
    terms.is_introduced = game->links == CONF_LINKS_CONNECTOR;
    return make_link(conn, game, fd, &terms);
}

// One attempt. LINK_BUSY also: the game has enough to look at.
static enum link_status try_link(struct conn *conn, const struct conf_game *game)
{
    struct worker *worker = conn->worker;
    int fd;
    errno = 0;
    if (!games_have_room(worker, conn_slot(conn)->game))
        return LINK_BUSY;
    if (game->links == CONF_LINKS_CONNECTOR)
        return connector_ask(worker, conn_slot(conn));
    enum link_status status = link_connect(game, &fd);
    return status == LINK_MADE ? take_link(conn, game, fd) : status;
}

static void joined(struct conn *conn)
{
    struct worker *worker = conn->worker;
    struct slot *slot = conn_slot(conn);
    slot->held_ms = 0;
    worker->waiting.game[slot->game].credit -= 1;
    games_note_link(worker, slot);
    say_linked(slot);
    conn_serve(conn, RELAY_READY_ALL);
}

// How an attempt has ended, with errno.
static void note_attempt(struct conn *conn, const struct conf_game *game, enum link_status status)
{
    struct worker *worker = conn->worker;
    unsigned index = conn_slot(conn)->game;
    struct waiting_game *it = &worker->waiting.game[index];
    if (status == LINK_ASKED) { // waiting_connected will say how it ends
        it->retry_ms = clock_boot_ms() + BUSY_RETRY_MS;
        return;
    }
    it->error = status == LINK_MADE ? 0 : errno;
    it->retry_ms = 0;
    if (status == LINK_MADE) {
        joined(conn);
        return;
    }
    if (status == LINK_AWAY && it->error != EAGAIN)
        games_note_away(worker, index);
    uint64_t now_ms = clock_boot_ms();
    it->retry_ms = now_ms + (status == LINK_BUSY ? BUSY_RETRY_MS : AWAY_RETRY_MS);
    keep_waiting(conn, game, now_ms);
}

void waiting_connected(struct conn *conn, int fd, int error)
{
    const struct conf_game *game = &conn->worker->heritage->conf.game[conn_slot(conn)->game];
    const struct flow_state *to_player = flow_now(&conn_slot(conn)->flow[TO_PLAYER]);
    if (!(conn->waits & WAITING_JOIN) || to_player->flags & FLOW_END_MEANT ||
        to_player->phase != FLOW_OPEN) { // it has begun to end meanwhile
        if (fd >= 0)
            close(fd);
        return;
    }
    enum link_status status = fd >= 0 ? take_link(conn, game, fd) : link_judge(error);
    if (fd < 0)
        errno = error;
    note_attempt(conn, game, status);
}

static void try_join(struct conn *conn, uint64_t waited_ms, uint64_t now_ms)
{
    struct worker *worker = conn->worker;
    struct slot *slot = conn_slot(conn);
    const struct conf_game *game = &worker->heritage->conf.game[slot->game];
    struct waiting_game *it = &worker->waiting.game[slot->game];
    const struct flow_state *to_player = flow_now(&slot->flow[TO_PLAYER]);
    if (to_player->flags & FLOW_END_MEANT || !settle_name(conn, waited_ms))
        return;
    // Those who came first go first: while one is refused, nobody else tries. Who has not taken
    // the dead game's last words yet is not ready.
    bool is_ready = to_player->phase == FLOW_OPEN;
    if (now_ms < it->retry_ms || !is_ready) {
        keep_waiting(conn, game, now_ms);
        return;
    }
    if (has_credit(it, game, now_ms))
        note_attempt(conn, game, try_link(conn, game));
}

static void drop(struct conn *conn)
{
    relay_drop(conn->worker->vault, &conn->worker->chunks, conn_slot(conn));
    conn_serve(conn, 0);
}

// A player who does not read may still be held, if its game is dead, as long as any other.
static bool is_stuck(const struct conn *conn, uint64_t waited_ms)
{
    const struct slot *slot = conn_slot(conn);
    uint64_t hold_ms = conn->worker->heritage->conf.game[slot->game].hold_ms;
    if (!(conn->waits & WAITING_STUCK) || waited_ms <= STUCK_MS)
        return false;
    return flow_now(&slot->flow[TO_PLAYER])->flags & FLOW_END_MEANT || games_is_alive(slot) ||
           (hold_ms != CONF_FOREVER && waited_ms > hold_ms);
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
    else if (is_stuck(conn, waited_ms))
        conn_close(conn, "ended by the game; the player does not read");
    else if (conn->waits & WAITING_LEFT && waited_ms > LEFT_MS)
        drop(conn);
    else if (conn->waits & (WAITING_POLL | WAITING_JUDGE))
        conn_serve(conn, conn->waits & WAITING_POLL ? RELAY_WRITE_GAME : 0);
    if (conn->waits & WAITING_JOIN) // a player who left before there was a game has both
        try_join(conn, waited_ms, now_ms);
}

static int by_age(const void *a, const void *b, void *arg)
{
    const struct slot *slots = arg;
    uint64_t one = slots[((const struct waiting_entry *)a)->slot].opened_ms;
    uint64_t other = slots[((const struct waiting_entry *)b)->slot].opened_ms;
    return one < other ? -1 : one > other;
}

static void tick(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    struct waiting *waiting = &worker->waiting;
    uint64_t now_ms = clock_boot_ms();
    if (waiting->is_unsorted)
        qsort_r(waiting->entry, waiting->n, sizeof *waiting->entry, by_age, worker->vault->slots);
    waiting->is_unsorted = false;
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
