// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Holding players (away.h).
#include "players/away.h"

#include "base/clock.h"
#include "base/log.h"
#include "players/conn.h"
#include "players/games.h"
#include "players/players.h"
#include "vault/flow.h"
#include "vault/slot.h"

#define MEND_RETRY_MS 250u // memory was short; else it is the player's turn

static const char *text_of(const struct conn *conn, enum conf_text text)
{
    return conn->players->heritage->conf.game[conn_slot(conn)->game].text[text];
}

static void say_held(const struct slot *slot)
{
    char id[LOG_ID_BYTES];
    log_event(LOG_PLAYER_HELD, "id=%s resumable=%s", log_id(id, slot->id),
              slot_has(slot, SLOT_FLAG_RESUMES) ? "yes" : "no");
}

// Can this player go on with another process of the game?
static bool can_be_held(const struct slot *slot)
{
    const struct flow_state *to_game = flow_now(&slot->flow[TO_GAME]);
    return to_game->phase != FLOW_SHUT &&
           !telnet_is_lost(&flow_now(&slot->flow[TO_PLAYER])->telnet, &to_game->telnet);
}

// The link's end is the player's. What the player still says may go to the game.
static bool let_go(struct conn *conn)
{
    struct relay relay = conn_relay(conn);
    relay_let_end(&relay);
    return true;
}

static bool mend(struct conn *conn)
{
    struct relay relay = conn_relay(conn);
    return relay_mend(&relay, text_of(conn, CONF_TEXT_AWAY));
}

static bool hold(struct conn *conn)
{
    struct players *players = conn->players;
    struct slot *slot = conn_slot(conn);
    struct relay relay = conn_relay(conn);
    conn_unwatch_game(conn);
    relay_unlink(&relay);
    players_note_claims(players, slot);
    games_note_held(players, slot);
    say_held(slot);
    conn->relay.is_orphan = false;
    conn->relay.errors = (uint8_t)(conn->relay.errors & ~(RELAY_READ_GAME | RELAY_WRITE_GAME));
    mend(conn); // if not now, when the player has taken what comes before
    return true;
}

bool away_judge(struct conn *conn)
{
    struct players *players = conn->players;
    struct slot *slot = conn_slot(conn);
    uint64_t now_ms = clock_boot_ms();
    uint64_t wait_ms = 0;
    if (relay_is_http(slot)) // no other game could make anything of it
        return let_go(conn);
    if (slot->game_fd < 0) {
        conn->judge_ms = now_ms + MEND_RETRY_MS;
        return mend(conn);
    }
    if (conn->ended_ms == 0)
        conn->ended_ms = now_ms;
    enum games_verdict verdict = games_judge(players, slot, now_ms - conn->ended_ms, &wait_ms);
    conn->judge_ms = now_ms + wait_ms;
    if (verdict == GAMES_LATER)
        return false;
    conn->ended_ms = 0;
    if (verdict == GAMES_GONE) {
        struct relay relay = conn_relay(conn);
        slot_note_end(slot, SLOT_END_GAME_GONE);
        relay_end(&relay);
        return true;
    }
    return verdict == GAMES_DEAD && can_be_held(slot) ? hold(conn) : let_go(conn);
}

bool away_greet(struct conn *conn)
{
    const struct slot *slot = conn_slot(conn);
    struct relay relay = conn_relay(conn);
    const struct relay_words words = {.text = text_of(conn, CONF_TEXT_BACK), .clear = FLOW_AWAY};
    return slot->game_fd >= 0 && flow_now(&slot->flow[TO_PLAYER])->flags & FLOW_AWAY &&
           relay_say(&relay, &words);
}

bool away_tell_wait(struct conn *conn)
{
    struct relay relay = conn_relay(conn);
    const struct relay_words words = {.text = text_of(conn, CONF_TEXT_WAIT), .set = FLOW_AWAY};
    if (!relay_say(&relay, &words))
        return false;
    conn_wake(conn, 0);
    return true;
}

void away_give_up(struct conn *conn)
{
    struct relay relay = conn_relay(conn);
    slot_note_end(conn_slot(conn), SLOT_END_AWAY);
    relay_end_saying(&relay, text_of(conn, CONF_TEXT_GONE));
    conn_wake(conn, 0);
}
