// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the end of a player's link means (games.h): is the process behind it dead?
//
// Where no process is known, the listening socket stands for it: it goes with the process, and
// another one has another inode. The same is looked at where a process is known by a pid-file only,
// which may name another one (GAME_DOUBTED). While any other link of the process is open, it lives.
// A listener that stays (a proxy's, or systemd's) says nothing: there the game is dead when all of
// several links have ended together.
//
// Errors: who cannot be found dead, lives.
#include "players/games_part.h"

#include "base/clock.h"
#include "game/proc.h"
#include "players/conn.h"
#include "players/connector.h"
#include "players/players.h"
#include "players/waiting.h"
#include "vault/flow.h"
#include "vault/slot.h"

#include <poll.h>
#include <unistd.h>

#define JUDGE_MS 200u         // until a game of an unknown process is looked for
#define LOOK_AGAIN_MS 50u     // what was seen then holds for all players who are judged meanwhile
#define TURNED_AWAY_MS 60000u // for a game behind a proxy to come back
#define TURNED_AWAY_RETRY_MS 1000u

static_assert(LOOK_AGAIN_MS < JUDGE_MS, "what is judged by was seen after the link's end");
#define ORDER_MS 1u      // what the game has ordered before it closed the link is done first
#define SAVING_MS 30000u // for a game without its connector to save its database
#define POLL_MS 10u      // a process whose death no descriptor tells
#define TOGETHER 2u      // links that end within JUDGE_MS, all that there are: it is no coincidence

bool games_is_alive(const struct slot *slot)
{
    return proc_look(slot->game_pid, slot->game_start) == PROC_ALIVE;
}

void games_note_away(struct players *players, unsigned game)
{
    struct game_state now = game_now(players->vault->head, game);
    if (now.flags & GAME_SEEN && proc_look(now.pid, now.start) != PROC_ALIVE)
        games_note_death(players, game);
}

bool games_is_over(const struct players *players, const struct slot *slot)
{
    struct pollfd poll_fd = {.fd = slot->game_fd, .events = POLLRDHUP};
    return conn_of(players, slot)->ended_ms != 0 || poll(&poll_fd, 1, 0) == 1;
}

// Was this link made before its process was judged to be dead?
static bool is_of_gone(const struct players *players, const struct slot *slot)
{
    const struct games_gone *gone = &players->games->watch[slot->game].gone;
    return gone->at_ms && gone->pid == slot->game_pid && gone->start == slot->game_start &&
           conn_of(players, slot)->linked_ms < gone->at_ms;
}

// Was a link that was made after that closed without a word? So does a proxy whose game is not back
// yet. The next one is tried more slowly.
static bool is_turned_away(struct players *players, const struct slot *slot)
{
    const struct games_gone *gone = &players->games->watch[slot->game].gone;
    const struct conn *conn = conn_of(players, slot);
    uint64_t now_ms = clock_boot_ms();
    if (gone->at_ms == 0 || gone->pid != slot->game_pid || gone->start != slot->game_start ||
        now_ms >= gone->at_ms + TURNED_AWAY_MS || conn->linked_ms < gone->at_ms ||
        games_said(slot) != conn->said_before)
        return false;
    players->waiting->game[slot->game].retry_ms = now_ms + TURNED_AWAY_RETRY_MS;
    return true;
}

// Does this link's end say nothing of the game? The player has left, was closed by the game and may
// still linger, or is being closed by us.
static bool is_explained(const struct slot *slot)
{
    return flow_now(&slot->flow[TO_GAME])->phase != FLOW_OPEN ||
           flow_is_ending(flow_now(&slot->flow[TO_PLAYER]));
}

// More than JUDGE_MS lie between the ends of these links, as far as they were read.
static bool are_apart(const struct players *players, const struct slot *a, const struct slot *b)
{
    uint64_t one_ms = conn_of(players, a)->ended_ms;
    uint64_t other_ms = conn_of(players, b)->ended_ms;
    uint64_t between_ms = one_ms > other_ms ? one_ms - other_ms : other_ms - one_ms;
    return one_ms != 0 && other_ms != 0 && between_ms > JUDGE_MS;
}

// The links of this one's process.
struct ended {
    uint32_t n;        // 0: one is open
    bool are_together; // at about the same time
};

static struct ended count_ended(const struct players *players, const struct slot *slot)
{
    struct ended ended = {.are_together = true};
    slot_each_live(players->vault, other) {
        if (!games_is_link_of(other, slot->game, slot->game_pid, slot->game_start) ||
            is_of_gone(players, other) || (other != slot && is_explained(other)))
            continue;
        if (other != slot && !games_is_over(players, other))
            return (struct ended){0};
        ended.n++;
        ended.are_together = ended.are_together && !are_apart(players, slot, other);
    }
    ended.are_together = ended.are_together && ended.n >= TOGETHER;
    return ended;
}

// What a listener that cannot be seen from here (another network namespace's) can be asked.
static bool answers(const struct conf_game *conf)
{
    int fd;
    enum link_status status = link_connect(conf, &fd);
    if (status == LINK_MADE)
        close(fd);
    return status != LINK_AWAY;
}

// Does another socket listen now than the one that stands for the process, or none?
static bool has_gone(struct players *players, unsigned game, uint64_t expected)
{
    // What was seen LOOK_AGAIN_MS ago was seen after the end of this link.
    uint64_t now = games_listener(players, game, clock_boot_ms() - LOOK_AGAIN_MS).inode;
    if (now == 0 && expected == 0)
        return !answers(games_conf(players, game));
    if (now == LISTENER_UNSEEN || (now != 0 && expected == LISTENER_UNSEEN))
        return false;
    return now != expected;
}

// What can be seen says that the process is dead, JUDGE_MS after the end of this link or later.
// `listener`: what stands for it. A game that is nothing but that, and has closed it, ends.
static bool looks_dead(struct players *players, const struct slot *slot, uint64_t listener)
{
    if (is_of_gone(players, slot) || is_turned_away(players, slot))
        return true;
    bool is_gone = has_gone(players, slot->game, listener);
    bool is_silent = is_gone && players->games->watch[slot->game].seen.listener.inode == 0;
    if (!(is_silent && slot->game_pid == 0)) {
        struct ended ended = count_ended(players, slot);
        if (ended.n == 0 || (!is_gone && !ended.are_together))
            return false;
    }
    players->games->watch[slot->game].gone = (struct games_gone){
        .pid = slot->game_pid, .start = slot->game_start, .at_ms = clock_boot_ms()};
    struct game_state now = game_now(players->vault->head, slot->game);
    if (now.pid == slot->game_pid && now.start == slot->game_start)
        games_note_death(players, slot->game);
    return true;
}

// Until when a game that has closed a player may yet end by itself. One that has ended its
// connector, too, is on its way: PennMUSH saves its database then.
static uint64_t shutdown_wait_ms(const struct players *players, unsigned game)
{
    const struct conf_game *conf = games_conf(players, game);
    if (conf->on_shutdown != CONF_SHUTDOWN_HOLD)
        return 0;
    bool has_lost_it = conf->links == CONF_LINKS_CONNECTOR && !connector_is_here(players, game);
    return has_lost_it && conf->shutdown_wait_ms < SAVING_MS ? SAVING_MS : conf->shutdown_wait_ms;
}

// A game that ends by itself may close its players first; it is looked for until its time is over.
static enum games_verdict judge_unknown(struct players *players, const struct slot *slot,
                                        uint64_t since_ms, uint64_t *wait_ms)
{
    uint64_t until_ms = shutdown_wait_ms(players, slot->game);
    if (since_ms < JUDGE_MS && !is_of_gone(players, slot)) {
        *wait_ms = JUDGE_MS - since_ms;
        return GAMES_LATER;
    }
    // Of one whose id is known, and which cannot be looked at, the listener was not noted.
    bool is_listener = slot->game_pid == 0;
    if (looks_dead(players, slot, is_listener ? slot->game_start : LISTENER_UNSEEN))
        return GAMES_DEAD;
    if (since_ms >= until_ms || flow_now(&slot->flow[TO_GAME])->phase != FLOW_OPEN)
        return GAMES_PLAYER;
    *wait_ms = until_ms - since_ms < LOOK_AGAIN_MS ? until_ms - since_ms : LOOK_AGAIN_MS;
    return GAMES_LATER;
}

// The living process that a pid-file names: may it not be the game, and what listened for it?
static bool is_doubted(const struct players *players, const struct slot *slot, uint64_t *listener)
{
    const struct conf_game *conf = games_conf(players, slot->game);
    struct game_state now = game_now(players->vault->head, slot->game);
    bool is_present = now.pid == slot->game_pid && now.start == slot->game_start;
    *listener = now.listener;
    return conf->pid_file && (!is_present || now.flags & GAME_DOUBTED);
}

// A game that ends by itself often closes its players first, and dies a moment later.
static enum games_verdict judge_living(struct players *players, const struct slot *slot,
                                       uint64_t since_ms, uint64_t *wait_ms)
{
    uint64_t until_ms = shutdown_wait_ms(players, slot->game);
    uint64_t listener;
    if (slot_has(slot, SLOT_FLAG_HOLDS))
        return GAMES_DEAD;
    if (slot_has(slot, SLOT_FLAG_LEAVES))
        until_ms = 0;
    bool may_be_dead = is_doubted(players, slot, &listener);
    if (until_ms < (may_be_dead ? JUDGE_MS : ORDER_MS))
        until_ms = may_be_dead ? JUDGE_MS : ORDER_MS;
    if (flow_now(&slot->flow[TO_GAME])->phase != FLOW_OPEN)
        return GAMES_PLAYER;
    if (since_ms >= until_ms)
        return may_be_dead && looks_dead(players, slot, listener) ? GAMES_DEAD : GAMES_PLAYER;
    *wait_ms = until_ms - since_ms;
    if (*wait_ms > POLL_MS &&
        !games_is_watched(players, slot->game, slot->game_pid, slot->game_start))
        *wait_ms = POLL_MS;
    return GAMES_LATER;
}

enum games_verdict games_judge(struct players *players, const struct slot *slot, uint64_t since_ms,
                               uint64_t *wait_ms)
{
    struct game_state now = game_now(players->vault->head, slot->game);
    switch (proc_look(slot->game_pid, slot->game_start)) {
    case PROC_UNKNOWN:
        return judge_unknown(players, slot, since_ms, wait_ms);
    case PROC_DEAD:
        if (now.pid == slot->game_pid && now.start == slot->game_start)
            games_note_death(players, slot->game);
        return slot_has(slot, SLOT_FLAG_LEAVES) ? GAMES_GONE : GAMES_DEAD;
    case PROC_ALIVE:
        break;
    }
    return judge_living(players, slot, since_ms, wait_ms);
}

void games_judge_again(struct players *players, unsigned game, int32_t pid, uint64_t start)
{
    slot_each_live(players->vault, slot)
        if (games_is_link_of(slot, game, pid, start) &&
            conn_of(players, slot)->waits & WAITING_JUDGE)
            conn_wake(conn_of(players, slot), 0);
}
