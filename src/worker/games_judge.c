// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the end of a player's link means (games.h): is the process behind it dead? Where none is
// known, the listening socket stands for it: it goes with the process, and another one has another
// inode.
//
// Errors: who cannot be found dead, lives.
#include "worker/games_part.h"

#include "base/clock.h"
#include "game/process.h"
#include "ops/connector.h"
#include "vault/flow.h"
#include "vault/slot.h"
#include "worker/worker.h"

#define LOOK_MS 200u      // until a game of an unknown process is looked for
#define LOOK_AGAIN_MS 50u // what was seen then holds for all players who are judged meanwhile
#define ORDER_MS 1u       // what the game has ordered before it closed the link is done first
#define SAVING_MS 30000u  // for a game without its connector to save its database
#define POLL_MS 10u       // a process whose death no descriptor tells

bool games_is_alive(const struct slot *slot)
{
    return process_look(slot->game_pid, slot->game_start) == PROCESS_ALIVE;
}

void games_note_away(struct worker *worker, unsigned game)
{
    struct game_state now = game_now(worker->vault->head, game);
    if (now.flags & GAME_SEEN && process_look(now.pid, now.start) != PROCESS_ALIVE)
        games_note_death(worker, game);
}

// The kernel's list of sockets is long when there are many players, and they end together.
uint64_t games_listener(struct worker *worker, unsigned game, bool is_fresh)
{
    struct game_watch *watch = &worker->games.watch[game];
    uint64_t now_ms = clock_boot_ms();
    bool is_old = is_fresh ? now_ms >= watch->looked_ms + LOOK_AGAIN_MS
                           : watch->ended_ms + LOOK_MS >= watch->looked_ms;
    if (watch->looked_ms == 0 || is_old) {
        watch->listener = link_listener(games_conf(worker, game));
        watch->looked_ms = clock_boot_ms();
    }
    return watch->listener;
}

static enum games_verdict judge_unknown(struct worker *worker, const struct slot *slot,
                                        uint64_t since_ms, uint64_t *wait_ms)
{
    if (since_ms < LOOK_MS) {
        worker->games.watch[slot->game].ended_ms = clock_boot_ms();
        *wait_ms = LOOK_MS - since_ms;
        return GAMES_LATER;
    }
    uint64_t listener = games_listener(worker, slot->game, true);
    bool is_known = slot->game_pid == 0 && slot->game_start != 0 && listener != LINK_UNSEEN;
    if (listener != 0 && (!is_known || listener == slot->game_start))
        return GAMES_PLAYER;
    struct game_state now = game_now(worker->vault->head, slot->game);
    if (listener == 0 || (now.pid == slot->game_pid && now.start == slot->game_start))
        games_note_away(worker, slot->game);
    return GAMES_DEAD;
}

// Until when a game that has closed a player may yet end by itself. One that has ended its
// connector, too, is on its way: PennMUSH saves its database then.
static uint64_t shutdown_wait_ms(const struct worker *worker, unsigned game)
{
    const struct conf_game *conf = games_conf(worker, game);
    if (conf->on_shutdown != CONF_SHUTDOWN_HOLD)
        return 0;
    bool has_lost_it = conf->links == CONF_LINKS_CONNECTOR && !connector_is_here(worker, game);
    return has_lost_it && conf->shutdown_wait_ms < SAVING_MS ? SAVING_MS : conf->shutdown_wait_ms;
}

// A game that ends by itself often closes its players first, and dies a moment later.
static enum games_verdict judge_living(struct worker *worker, const struct slot *slot,
                                       uint64_t since_ms, uint64_t *wait_ms)
{
    uint64_t until_ms = shutdown_wait_ms(worker, slot->game);
    if (slot_has(slot, SLOT_FLAG_HOLDS))
        return GAMES_DEAD;
    if (slot_has(slot, SLOT_FLAG_LEAVES))
        until_ms = 0;
    if (until_ms < ORDER_MS)
        until_ms = ORDER_MS;
    if (since_ms >= until_ms || flow_now(&slot->flow[TO_GAME])->phase != FLOW_OPEN)
        return GAMES_PLAYER;
    *wait_ms = until_ms - since_ms;
    if (*wait_ms > POLL_MS &&
        !games_is_watched(worker, slot->game, slot->game_pid, slot->game_start))
        *wait_ms = POLL_MS;
    return GAMES_LATER;
}

enum games_verdict games_judge(struct worker *worker, const struct slot *slot, uint64_t since_ms,
                               uint64_t *wait_ms)
{
    struct game_state now = game_now(worker->vault->head, slot->game);
    switch (process_look(slot->game_pid, slot->game_start)) {
    case PROCESS_UNKNOWN:
        return judge_unknown(worker, slot, since_ms, wait_ms);
    case PROCESS_DEAD:
        if (now.pid == slot->game_pid && now.start == slot->game_start)
            games_note_death(worker, slot->game);
        return slot_has(slot, SLOT_FLAG_LEAVES) ? GAMES_GONE : GAMES_DEAD;
    case PROCESS_ALIVE:
        break;
    }
    return judge_living(worker, slot, since_ms, wait_ms);
}

void games_judge_again(struct worker *worker, unsigned game, int32_t pid, uint64_t start)
{
    struct vault *vault = worker->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++)
        if (games_is_link_of(&vault->slots[i], game, pid, start) &&
            worker->conns[i].waits & WAITING_JUDGE)
            conn_serve(&worker->conns[i], 0);
}
