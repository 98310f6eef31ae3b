// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Events in, strategy, events out (serve.h).
// Errors: a socket that cannot be watched now is tried again, and looked at until then (waiting.h).
#include "players/serve.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "players/away.h"
#include "players/conn.h"
#include "players/games.h"
#include "players/loops.h"
#include "players/players.h"
#include "players/seats.h"
#include "players/waiting.h"
#include "record/suites.h"
#include "vault/facts.h"
#include "vault/flow.h"
#include "vault/slot.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define ALL_TURNS 4 // of RELAY_WORK_ALL are enough to read what a Unix socket holds by default

// What is done for those who were put off in one turn of the loop, in about microseconds: so much
// later is served who asks for little. The loop may hear of each of them in every turn, and that must
// not become most of what it does.
#define PUT_OFF_WORK 100u
#define PUT_OFF_WORK_EACH 1u

#define DOUBT_MS 3000u // a game that reads no header closes a player at once, if it does

static void hear(struct conn *conn, unsigned ready)
{
    if (conn->is_put_off)
        conn_put_off(conn, ready);
    else
        serve_conn(conn, ready);
}

static void on_player(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    hear(arg,
         (what & EV_READ ? RELAY_READ_PLAYER : 0u) | (what & EV_WRITE ? RELAY_WRITE_PLAYER : 0u));
}

static void on_game(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    hear(arg, (what & EV_READ ? RELAY_READ_GAME : 0u) | (what & EV_WRITE ? RELAY_WRITE_GAME : 0u));
}

// Watch one socket for these events; 0: not at all.
static bool watch(struct conn *conn, struct event *event, int fd, short what,
                  event_callback_fn callback)
{
    if (event_initialized(event))
        event_del(event);
    if (what == 0)
        return true;
    event_assign(event, conn->players->base, fd, (short)(what | EV_PERSIST), callback, conn);
    return event_add(event, NULL) == 0;
}

static short event_bits(unsigned wants, unsigned read, unsigned write)
{
    return (short)((wants & read ? EV_READ : 0) | (wants & write ? EV_WRITE : 0));
}

// conn->watched says afterwards for what it could be done.
static void watch_all(struct conn *conn, unsigned wants)
{
    const unsigned player = RELAY_READ_PLAYER | RELAY_WRITE_PLAYER;
    const unsigned game = RELAY_READ_GAME | RELAY_WRITE_GAME;
    unsigned changed = (wants ^ conn->watched) & RELAY_READY_ALL;
    unsigned watched = wants & RELAY_READY_ALL;
    const struct slot *slot = conn_slot(conn);
    if (changed & player &&
        !watch(conn, &conn->player, slot->player_fd,
               event_bits(wants, RELAY_READ_PLAYER, RELAY_WRITE_PLAYER), on_player))
        watched &= ~player;
    if (changed & game && !watch(conn, &conn->game, slot->game_fd,
                                 event_bits(wants, RELAY_READ_GAME, RELAY_WRITE_GAME), on_game))
        watched &= ~game;
    conn->watched = (uint8_t)watched;
}

static void say_unwatched(const struct conn *conn)
{
    char id[LOG_ID_BYTES];
    log_event(LOG_SHORTAGE, "id=%s what=\"watch its sockets\" error=\"%s\"",
              log_id(id, conn_slot(conn)->id), strerror(errno));
}

// Has the game heard anybody yet? Then it has read a header.
static bool has_heard_anybody(const struct players *players, unsigned game)
{
    slot_each_live(players->vault, slot)
        if (slot->game == game && flow_now(&slot->flow[TO_GAME])->received > 0)
            return true;
    return false;
}

// To a game that does not read headers, the PROXY header is the player's first words. Version 2
// begins with the line "QUIT", at which many end the connection.
static void doubt_header(struct players *players, const struct slot *slot)
{
    struct game_watch *watch = &players->games->watch[slot->game];
    const struct conf_game *game = &players->heritage->conf.game[slot->game];
    if (!(slot->flags & SLOT_FLAG_GAME_ENDED) || watch->is_header_doubted ||
        (game->header != CONF_PROXY_V2 && game->header != CONF_PROXY_V1) ||
        flow_now(&slot->flow[TO_GAME])->received > 0 ||
        clock_boot_ms() > slot->opened_ms + DOUBT_MS || has_heard_anybody(players, slot->game))
        return;
    watch->is_header_doubted = true;
    log_event(LOG_HEADER_DOUBT,
              "game=%s hint=\"it has closed a player who had said nothing: if it does not read the "
              "header, it takes it for the player's words; write header = none\"",
              game->name);
}

static unsigned run(struct conn *conn, unsigned work)
{
    struct relay relay = conn_relay(conn);
    relay.work = work;
    // If this run kills the worker, the guard will know whom to blame.
    relay.vault->head->serving_slot = vault_slot_index(relay.vault, relay.slot);
    unsigned wants = relay_run(&relay);
    relay.vault->head->serving_slot = SLOT_NONE;
    conn->players->work += 2 * work - relay.left[TO_GAME] - relay.left[TO_PLAYER] + 1;
    return wants;
}

static unsigned waits_of(const struct conn *conn, unsigned wants)
{
    unsigned waits = 0;
    const struct slot *slot = conn_slot(conn);
    bool is_linked = slot->game_fd >= 0;
    if (slot_is_farewell(slot)) // until its end has come, or its time is over
        return WAITING_LINGER | (wants & RELAY_POLL ? WAITING_POLL : 0u);
    if (!is_linked && !(wants & RELAY_LINGER))
        waits |= WAITING_JOIN;
    // Before the player is told that the game is back, nothing is read from it.
    const struct flow_state *to_player = flow_now(&slot->flow[TO_PLAYER]);
    bool is_untold = is_linked && to_player->phase == FLOW_OPEN && to_player->flags & FLOW_AWAY;
    if (wants & RELAY_POLL || is_untold)
        waits |= WAITING_POLL;
    if (wants & RELAY_LINGER)
        waits |= WAITING_LINGER;
    if (wants & RELAY_HALF)
        waits |= WAITING_HALF;
    if (wants & RELAY_LEFT)
        waits |= WAITING_LEFT;
    if (wants & RELAY_STUCK)
        waits |= WAITING_STUCK;
    if (wants & RELAY_UNACKED)
        waits |= WAITING_ACK;
    if (wants & RELAY_JUDGE) // or to be mended, for which memory may be short
        waits |= WAITING_JUDGE;
    return waits;
}

void serve_take_words(struct conn *conn)
{
    conn->relay.ready |= RELAY_READY_ALL;
    for (int turn = 0; turn < ALL_TURNS; turn++) {
        run(conn, RELAY_WORK_ALL);
        if (away_greet(conn))
            run(conn, RELAY_WORK_ALL);
    }
}

static void serve(struct conn *conn, unsigned ready, unsigned work)
{
    if (conn->is_over)
        return;
    const char *wrong = loops_look(conn);
    if (wrong) {
        conn_end(conn, wrong);
        return;
    }
    seats_say_farewell(conn);
    conn->relay.ready |= (uint8_t)(ready & RELAY_READY_ALL);
    unsigned wants = run(conn, work);
    while (away_greet(conn) || (wants & RELAY_JUDGE && away_judge(conn)))
        wants = run(conn, work);
    doubt_header(conn->players, conn_slot(conn));
    if (wants & RELAY_DONE) {
        conn_end(conn, NULL);
        return;
    }
    unsigned waits = waits_of(conn, wants);
    if ((wants & RELAY_READY_ALL) != conn->watched)
        watch_all(conn, wants);
    if ((wants & RELAY_READY_ALL) != conn->watched) {
        if (!(conn->waits & WAITING_WATCH))
            say_unwatched(conn);
        waits |= WAITING_WATCH;
    }
    if (waits != conn->waits)
        waiting_set(conn, waits);
    if (wants & RELAY_AGAIN)
        conn_put_off(conn, 0);
}

void serve_conn(struct conn *conn, unsigned ready)
{
    serve(conn, ready, RELAY_WORK_SOME);
}

void serve_through(struct conn *conn)
{
    for (int turn = 0; turn < ALL_TURNS && !conn->is_over; turn++)
        serve(conn, RELAY_READY_ALL, RELAY_WORK_ALL);
}

#define PROXY_WORDS_BYTES (80u + 4u * SLOT_FACTS_BYTES)

// By which balancer it came, and how that calls it: so its log and ours are read together.
static const char *print_proxy(char text[PROXY_WORDS_BYTES], const struct slot *slot)
{
    struct sockaddr_storage peer;
    socklen_t n_peer = sizeof peer;
    char address[ADDRESS_TEXT_BYTES];
    char quoted[4 * SLOT_FACTS_BYTES + 1] = "";
    size_t n_id = 0, n_to = 0;
    const uint8_t *id = facts_find(slot, FACT_PROXY_ID, &n_id);
    *text = '\0';
    if (id)
        log_quote(quoted, sizeof quoted, id, n_id);
    if ((id || facts_find(slot, FACT_PROXY_TO, &n_to)) &&
        getpeername(slot->player_fd, (struct sockaddr *)&peer, &n_peer) == 0)
        snprintf(text, PROXY_WORDS_BYTES, " proxy=%s%s%s",
                 address_print_port(address, (const struct sockaddr *)&peer),
                 id ? " proxy-id=" : "", quoted);
    return text;
}

static void say_open(const struct players *players, const struct slot *slot)
{
    char id[LOG_ID_BYTES];
    char address[ADDRESS_TEXT_BYTES];
    const struct suite *suite = suite_find(slot->suite);
    char proxy[PROXY_WORDS_BYTES];
    log_event(LOG_PLAYER_OPEN, "address=%s port=%u id=%s listener=%s tls=%s cipher=%s%s",
              address_print(address, slot->address), slot->port, log_id(id, slot->id),
              players->heritage->conf.listener[slot->listener].name,
              slot_is_tls(slot) ? suite_version_name(slot->tls_version) : "no",
              suite ? suite->name : "-", print_proxy(proxy, slot));
}

void serve_new(struct players *players, struct slot *slot)
{
    if (!slot_is_farewell(slot)) {
        players_note_claims(players, slot);
        say_open(players, slot);
    }
    conn_open(players, slot);
    serve_conn(conn_of(players, slot), 0);
}

void serve_woken(evutil_socket_t fd, short what, void *arg)
{
    struct players *players = arg;
    struct conn *conn;
    (void)fd;
    (void)what;
    while ((conn = conn_next_woken(players)))
        if (conn->is_over)
            conn_free(conn);
        else
            serve_conn(conn, 0);
}

void serve_put_off(evutil_socket_t fd, short what, void *arg)
{
    struct players *players = arg;
    struct conn *conn;
    const uint64_t until =
        players->work + PUT_OFF_WORK + players->put_off.n * (uint64_t)PUT_OFF_WORK_EACH;
    (void)fd;
    (void)what;
    while (players->work < until && (conn = conn_next_put_off(players)))
        serve(conn, 0, RELAY_WORK_MORE);
    conn_await_put_off(players);
}
