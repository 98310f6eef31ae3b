// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Joining the game (join.h): in order of arrival and at a rate the game's backlog sets.
// Errors: a player whose game cannot be reached in time is told and closed.
#include "players/join.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/obstacle.h"
#include "game/link.h"
#include "game/names.h"
#include "players/away.h"
#include "players/conn.h"
#include "players/connector.h"
#include "players/games.h"
#include "players/loops.h"
#include "players/players.h"
#include "players/waiting.h"
#include "vault/facts.h"
#include "vault/flow.h"
#include "vault/resume.h"
#include "vault/slot.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <unistd.h>

#define BUSY_RETRY_MS 10u  // the game's backlog is full
#define AWAY_RETRY_MS 250u // nobody listens
#define TELL_AFTER_MS 3000u
#define CREDIT_MS 50u // of reconnect-rate can be saved up

// The host name, within its time. True: settled, one way or the other.
static bool settle_name(struct conn *conn, uint64_t waited_ms)
{
    struct players *players = conn->players;
    struct slot *slot = conn_slot(conn);
    const char *host = NULL;
    if (slot->flags & SLOT_FLAG_NAMED)
        return true;
    enum names_status status = names_find(players->names, slot->address, &host);
    const struct conf *conf = &players->heritage->conf;
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

static void say_waits(const struct conf_game *game, const char *why, int error)
{
    char fix[OBSTACLE_BYTES] = "";
    if (error && game->sockaddr.ss_family == AF_UNIX && game->links == CONF_LINKS_DIRECT)
        obstacle_explain(fix, ((const struct sockaddr_un *)&game->sockaddr)->sun_path, error);
    log_event(LOG_GAME_WAIT, "game=%s connect=%s error=\"%s\"%s%s%s", game->name, game->connect,
              why, *fix ? " fix=\"" : "", fix, *fix ? "\"" : "");
}

// The game cannot be reached, or the player does not take what comes before that: the player is
// told so once, and in the end closed.
static void keep_waiting(struct conn *conn, const struct conf_game *game, uint64_t now_ms)
{
    struct players *players = conn->players;
    struct slot *slot = conn_slot(conn);
    const struct flow_state *to_player = flow_now(&slot->flow[TO_PLAYER]);
    uint64_t since_ms = slot->held_ms ? slot->held_ms : slot->opened_ms;
    uint64_t waited_ms = now_ms > since_ms ? now_ms - since_ms : 0;
    int error = players->waiting->game[slot->game].error;
    const char *why =
        to_player->phase != FLOW_OPEN ? "the player does not read" : waiting_why(error);
    bool is_away = game_now(players->vault->head, slot->game).flags & GAME_AWAY;
    if (game->hold_ms != CONF_FOREVER && waited_ms > game->hold_ms) {
        log_event(LOG_GAME_FAILED, "game=%s connect=%s error=\"%s\"", game->name, game->connect,
                  why);
        away_give_up(conn);
    } else if ((waited_ms >= TELL_AFTER_MS || is_away) && to_player->phase == FLOW_OPEN &&
               !(to_player->flags & FLOW_AWAY) && away_tell_wait(conn)) {
        say_waits(game, why, error);
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

// How one attempt has ended.
struct attempt {
    enum link_status status; // LINK_BUSY also: the game has enough to look at
    int error;               // an errno, why there is no link; 0: there is one, or it was asked for
};

static struct attempt attempt(enum link_status status)
{
    const bool has_failed = status == LINK_BUSY || status == LINK_AWAY;
    return (struct attempt){status, has_failed ? errno : 0};
}

static struct attempt make_link(struct conn *conn, const struct conf_game *game, int fd,
                                struct link_terms *terms)
{
    struct players *players = conn->players;
    struct slot *slot = conn_slot(conn);
    static uint8_t state[VAULT_RESUME_BYTES];
    bool is_resumed = slot_has(slot, SLOT_FLAG_LINKED) && slot_has(slot, SLOT_FLAG_RESUMES) &&
                      terms->flags & SLOT_FLAG_RESUMES;
    struct relay relay = conn_relay(conn);
    relay_prepare_link(&relay, is_resumed);
    if (!is_resumed && slot_has(slot, SLOT_FLAG_LINKED))
        resume_put(&players->cells, slot, NULL,
                   0); // a dead game's, of which this one knows nothing
    const struct header_resumed resumed = {
        .input = relay_input_offset(slot),
        .output = relay_output_offset(slot),
        .state = state,
        .n_state = resume_get(players->vault, slot, state),
    };
    if (is_resumed)
        terms->resumed = &resumed;
    const struct attempt made = attempt(link_make(slot, game, fd, terms));
    OPENSSL_cleanse(state, resumed.n_state);
    players_note_claims(players, slot);
    return made;
}

// The game is connected; fd is ours.
static struct attempt take_link(struct conn *conn, const struct conf_game *game, int fd)
{
    struct link_terms terms;
    if (!games_meet(conn->players, conn_slot(conn)->game, fd, &terms)) {
        const struct attempt refused = attempt(LINK_AWAY);
        close(fd);
        return refused;
    }
    terms.is_introduced = game->links == CONF_LINKS_CONNECTOR;
    return make_link(conn, game, fd, &terms);
}

static struct attempt try_link(struct conn *conn, const struct conf_game *game)
{
    struct players *players = conn->players;
    const unsigned index = conn_slot(conn)->game;
    int fd;
    if (!games_have_room(players, index))
        return (struct attempt){.status = LINK_BUSY};
    if (connector_is_asked(players, index)) // what was seen before it was is what counts
        return (struct attempt){.status = LINK_ASKED};
    if (!games_may_ask(players, index))
        return attempt(LINK_AWAY);
    if (game->links == CONF_LINKS_CONNECTOR)
        return attempt(connector_ask(players, conn_slot(conn), join_connected));
    const struct attempt connected = attempt(link_connect(game, &fd));
    return connected.status == LINK_MADE ? take_link(conn, game, fd) : connected;
}

static void joined(struct conn *conn)
{
    struct players *players = conn->players;
    struct slot *slot = conn_slot(conn);
    uint64_t held_ms = slot->held_ms;
    slot->held_ms = 0;
    players->waiting->game[slot->game].credit -= 1;
    games_note_link(players, slot, held_ms);
    loops_note_link(players, slot);
    say_linked(slot);
    conn_wake(conn, RELAY_READY_ALL);
}

static void note_attempt(struct conn *conn, const struct conf_game *game, struct attempt made)
{
    struct players *players = conn->players;
    unsigned index = conn_slot(conn)->game;
    struct waiting_game *it = &players->waiting->game[index];
    if (made.status == LINK_ASKED) { // join_connected will say how it ends
        it->retry_ms = clock_boot_ms() + BUSY_RETRY_MS;
        return;
    }
    it->error = made.error;
    it->retry_ms = 0;
    if (made.status == LINK_MADE) {
        joined(conn);
        return;
    }
    if (made.status == LINK_AWAY && made.error != EAGAIN)
        games_note_away(players, index);
    uint64_t now_ms = clock_boot_ms();
    it->retry_ms = now_ms + (made.status == LINK_BUSY ? BUSY_RETRY_MS : AWAY_RETRY_MS);
    keep_waiting(conn, game, now_ms);
}

// Does it wait for a link, and may it have one? A conn that was woken may not know yet that it has.
static bool is_to_join(struct conn *conn)
{
    const struct slot *slot = conn_slot(conn);
    return conn->waits & WAITING_JOIN && slot->game_fd < 0 &&
           !flow_is_ending(flow_now(&slot->flow[TO_PLAYER]));
}

void join_connected(struct conn *conn, int fd, int error)
{
    const struct conf_game *game = &conn->players->heritage->conf.game[conn_slot(conn)->game];
    const bool is_ready = flow_now(&conn_slot(conn)->flow[TO_PLAYER])->phase == FLOW_OPEN;
    if (is_to_join(conn) && is_ready)
        note_attempt(conn, game,
                     fd >= 0 ? take_link(conn, game, fd)
                             : (struct attempt){link_judge(error), error});
    else if (fd >= 0)
        close(fd); // it has begun to end meanwhile
}

void join_try(struct conn *conn, uint64_t waited_ms, uint64_t now_ms)
{
    struct players *players = conn->players;
    struct slot *slot = conn_slot(conn);
    const struct conf_game *game = &players->heritage->conf.game[slot->game];
    struct waiting_game *it = &players->waiting->game[slot->game];
    if (!is_to_join(conn) || !settle_name(conn, waited_ms))
        return;
    // Those who came first go first: while one is refused, nobody else tries. Who has not taken
    // the dead game's last words yet is not ready.
    bool is_ready = flow_now(&slot->flow[TO_PLAYER])->phase == FLOW_OPEN;
    if (now_ms < it->retry_ms || !is_ready) {
        keep_waiting(conn, game, now_ms);
        return;
    }
    if (has_credit(it, game, now_ms))
        note_attempt(conn, game, try_link(conn, game));
}
