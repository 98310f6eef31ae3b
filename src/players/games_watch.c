// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Seeing games' processes die (games.h), by their pidfds. There may be several of one game: the
// next one is here, or has attached, and the last one still has players.
//
// Errors: without a descriptor or memory to watch, a game's death is seen by its links.
#include "players/games_part.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "game/proc.h"
#include "players/conn.h"
#include "players/players.h"
#include "vault/slot.h"

#include <sys/pidfd.h>
#include <unistd.h>

#define GONE_ON_MS 2000u // from a process' first link until it may go on in a child
#define FORK_MS 250u     // from that child's start until its parent has ended

static void stop_watching(struct games_death *death)
{
    if (!death->event)
        return;
    event_free(death->event);
    close(death->pidfd);
    death->event = NULL;
}

// What the dead process has said on this link is read to the end, then it is judged.
static void orphan(struct conn *conn)
{
    conn->relay.is_orphan = true;
    conn_wake(conn, RELAY_READ_GAME);
}

static void orphan_links(struct players *players, unsigned game, int32_t pid, uint64_t start)
{
    slot_each_live(players->vault, slot)
        if (games_is_link_of(slot, game, pid, start))
            orphan(conn_of(players, slot));
}

static uint32_t count_players(const struct vault *vault, unsigned game)
{
    uint32_t n = 0;
    slot_each_live(vault, slot)
        n += slot->game == game && !slot_is_farewell(slot);
    return n;
}

// What a new process of the game is known by.
struct child {
    struct listener listener;
    bool is_hidden; // another user's descriptors may not be looked at
};

static bool is_child(pid_t pid, void *arg)
{
    const struct child *child = arg;
    enum listener_owner owner = listener_is_of(&child->listener, pid);
    return owner == LISTENER_ITS || (owner == LISTENER_CANNOT_TELL && child->is_hidden);
}

// A program that puts itself into the background forks when it has begun to listen, and ends at once:
// its child is new, and has the listening socket and all links. A child that keeps them and is older,
// or of a game that has long been here, is a dump, and accepts nobody. A doubted process may never
// have listened here: what does is a proxy's, which closes links late.
static bool has_gone_on(struct players *players, unsigned game, const struct game_state *now)
{
    uint64_t owner = games_owner(players, game);
    if (now->pid == 0 || now->flags & (GAME_ATTACHED | GAME_DOUBTED) || owner == 0 ||
        clock_boot_ms() >= now->since_ms + GONE_ON_MS)
        return false;
    slot_each_live(players->vault, slot)
        if (games_is_link_of(slot, game, now->pid, now->start) && games_is_over(players, slot))
            return false;
    const uid_t uid = (uid_t)(owner - 1);
    struct child child = {
        .listener = games_listener(players, game, UINT64_MAX),
        .is_hidden = geteuid() != 0 && geteuid() != uid,
    };
    return child.listener.inode != 0 && child.listener.inode != LISTENER_UNSEEN &&
           proc_find_new(uid, FORK_MS, is_child, &child);
}

// Is this link of the dead process, or half moved to its child?
static bool is_to_move(const struct slot *slot, unsigned game, const struct game_state *before)
{
    return games_is_link_of(slot, game, before->pid, before->start) ||
           games_is_link_of(slot, game, 0, before->start);
}

// From now on its listening socket stands for the game. The game itself is moved last: a worker that
// comes in between finds the process dead, and goes on here.
static void move_to_child(struct players *players, unsigned game, struct game_state *next)
{
    const struct game_state before = *next;
    next->pid = 0;
    next->listener = games_listener(players, game, 0).inode;
    next->start = next->listener;
    slot_each_live(players->vault, slot) {
        if (!is_to_move(slot, game, &before))
            continue;
        slot->game_pid = 0;
        slot->game_start = next->start;
    }
    game_commit(players->vault->head, game, next);
    log_event(LOG_GAME_HERE, "game=%s pid=0", games_conf(players, game)->name);
}

void games_note_death(struct players *players, unsigned game)
{
    struct vault_head *head = players->vault->head;
    struct game_state next = game_now(head, game);
    if (next.flags & GAME_AWAY)
        return;
    if (has_gone_on(players, game, &next)) {
        move_to_child(players, game, &next);
        return;
    }
    next.flags = (next.flags & (GAME_SEEN | GAME_RESUMES | GAME_DOUBTED)) | GAME_AWAY;
    next.since_ms = clock_boot_ms();
    game_commit(head, game, &next);
    players->games->watch[game].n_back = 0;
    players->games->watch[game].back_since_ms = 0;
    players->games->watch[game].attach_until_ms = 0;
    log_event(LOG_GAME_AWAY, "game=%s pid=%d players=%u", games_conf(players, game)->name,
              (int)next.pid, count_players(players->vault, game));
}

static void on_death(evutil_socket_t fd, short what, void *arg)
{
    struct games_death *death = arg;
    struct players *players = death->players;
    struct game_state now = game_now(players->vault->head, death->game);
    (void)fd;
    (void)what;
    stop_watching(death);
    if (now.pid == death->pid && now.start == death->start)
        games_note_death(players, death->game);
    orphan_links(players, death->game, death->pid, death->start);
}

bool games_is_watched(const struct players *players, unsigned game, int32_t pid, uint64_t start)
{
    for (unsigned i = 0; i < GAMES_WATCHED; i++) {
        const struct games_death *death = &players->games->watch[game].death[i];
        if (death->event && death->pid == pid && death->start == start)
            return true;
    }
    return false;
}

static struct games_death *place_for(struct game_watch *watch)
{
    for (unsigned i = 0; i < GAMES_WATCHED; i++)
        if (!watch->death[i].event)
            return &watch->death[i];
    struct games_death *oldest = &watch->death[watch->n_given_up++ % GAMES_WATCHED];
    stop_watching(oldest);
    return oldest;
}

// The descriptor is the worker's own: a successor opens another, and looks first whether it is
// still the same process.
void games_watch(struct players *players, unsigned game, int32_t pid, uint64_t start)
{
    if (pid <= 0 || games_is_watched(players, game, pid, start))
        return;
    int pidfd = pidfd_open(pid, 0);
    if (pidfd < 0)
        return;
    struct games_death *death = place_for(&players->games->watch[game]);
    *death = (struct games_death){
        .players = players, .game = game, .pidfd = pidfd, .pid = pid, .start = start};
    death->event = event_new(players->base, pidfd, EV_READ, on_death, death);
    if (!death->event || event_add(death->event, NULL) < 0) {
        if (death->event)
            event_free(death->event);
        death->event = NULL;
        close(pidfd);
    } else if (proc_look(pid, start) == PROC_DEAD) {
        event_active(death->event, EV_READ, 1); // another one may have its id by now
    }
}

// A worker may have died before all links of a dead process were judged. The living are watched.
static void take_up_links(struct players *players)
{
    const struct slot *seen = NULL; // whose process was looked at last
    bool is_dead = false;
    slot_each_live(players->vault, slot) {
        if (slot->game_fd < 0)
            continue;
        if (!seen || !games_is_link_of(slot, seen->game, seen->game_pid, seen->game_start)) {
            is_dead = proc_look(slot->game_pid, slot->game_start) == PROC_DEAD;
            if (!is_dead)
                games_watch(players, slot->game, slot->game_pid, slot->game_start);
        }
        seen = slot;
        if (is_dead)
            orphan(conn_of(players, slot));
    }
}

// What is known of an index is known of the game that has it: after a reload that can be another.
static void begin_index(struct players *players, unsigned game)
{
    struct vault_head *head = players->vault->head;
    uint32_t tag = hash32_add_text(HASH32_START, players->heritage->conf.game[game].name);
    if (head->reload.game_tag[game] == tag)
        return;
    game_commit(head, game, &(struct game_state){0});
    head->games[game].listener_pid = 0;
    head->games[game].owner = 0;
    head->reload.game_tag[game] = tag;
}

void games_start(struct players *players)
{
    for (unsigned i = 0; i < players->heritage->conf.n_games; i++) {
        begin_index(players, i);
        players->games->watch[i].may_resume = true;
        struct game_state now = game_now(players->vault->head, i);
        if (now.pid == 0 || now.flags & GAME_AWAY)
            continue;
        if (proc_look(now.pid, now.start) == PROC_DEAD)
            games_note_death(players, i);
    }
    take_up_links(players);
    for (unsigned i = 0; i < players->heritage->conf.n_games; i++) {
        struct game_state now = game_now(players->vault->head, i);
        if (!(now.flags & GAME_AWAY))
            games_watch(players, i, now.pid, now.start);
    }
}

void games_stop(struct players *players)
{
    for (unsigned i = 0; i < VAULT_GAMES; i++)
        for (unsigned k = 0; k < GAMES_WATCHED; k++)
            stop_watching(&players->games->watch[i].death[k]);
}
