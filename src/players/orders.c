// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What is asked of the worker (orders.h).
#include "players/orders.h"

#include "players/conn.h"
#include "players/games.h"
#include "players/players.h"
#include "players/serve.h"
#include "players/waiting.h"
#include "vault/flow.h"
#include "vault/slot.h"

struct slot *order_find(struct players *players, const uint8_t id[16])
{
    const struct conn *conn = conn_find(players, id);
    return conn ? conn_slot(conn) : NULL;
}

enum order_result order_attach(struct players *players, unsigned game, pid_t pid, bool resumes,
                               bool acknowledges)
{
    if (!games_attach(players, game, pid, resumes, acknowledges))
        return ORDER_GONE;
    waiting_hurry(players);
    return ORDER_DONE;
}

enum order_result order_plan(struct players *players, unsigned game, pid_t pid,
                             enum order_plan plan)
{
    return games_plan(players, game, pid, plan != ORDER_PLAN_END_LEAVE) ? ORDER_DONE
                                                                        : ORDER_NOT_ATTACHED;
}

enum order_result order_leave(struct players *players, struct slot *slot, const uint8_t *bytes,
                              size_t n)
{
    return resume_put(&players->cells, slot, bytes, n) ? ORDER_DONE : ORDER_SHORT;
}

enum order_result order_acknowledge(struct players *players, struct slot *slot, uint64_t offset)
{
    struct relay relay = conn_relay(conn_of(players, slot));
    if (!relay_acknowledge(&relay, offset))
        return ORDER_BAD_OFFSET;
    conn_wake(conn_of(players, slot), 0); // there may be room for more now
    return ORDER_DONE;
}

enum order_result order_close(struct players *players, struct slot *slot, const char *text,
                              enum slot_end by)
{
    struct conn *conn = conn_of(players, slot);
    struct relay relay = conn_relay(conn);
    if (relay_is_ended(slot))
        return ORDER_DONE; // under way already
    serve_take_words(conn);
    slot_note_end(slot, by);
    relay_end_saying(&relay, text ? text : "");
    conn_wake(conn, RELAY_READY_ALL);
    return ORDER_DONE;
}

enum order_result order_notice(struct players *players, struct slot *slot, uint32_t token,
                               const char *text)
{
    const struct relay_words words = {.text = text, .notice = token};
    struct relay relay = conn_relay(conn_of(players, slot));
    if (flow_now(&slot->flow[TO_PLAYER])->output.notice == token)
        return ORDER_DONE;
    if (!relay_say(&relay, &words))
        return ORDER_SHORT;
    conn_wake(conn_of(players, slot), 0);
    return ORDER_DONE;
}

bool order_is_held(const struct slot *slot)
{
    return slot->game_fd < 0;
}

void order_look(struct players *players, unsigned game, struct order_game *look)
{
    const struct vault *vault = players->vault;
    struct game_state now = game_now(vault->head, game);
    bool is_away = now.flags & GAME_AWAY;
    *look = (struct order_game){
        .state = is_away                 ? ORDER_GAME_AWAY
                 : now.flags & GAME_SEEN ? ORDER_GAME_HERE
                                         : ORDER_GAME_UNKNOWN,
        .pid = is_away ? 0 : now.pid,
        .is_attached = now.flags & GAME_ATTACHED,
        .resumes = now.flags & GAME_RESUMES,
        .acknowledges = now.flags & GAME_ACKS,
        .since_ms = now.since_ms,
        .error = players->waiting->game[game].error,
    };
    slot_each_live(vault, slot) {
        if (slot->game != game || slot_is_farewell(slot))
            continue;
        look->n_players++;
        look->n_held += order_is_held(slot);
    }
}
