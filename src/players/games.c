// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who is there (games.h): the process that a link leads to, or that has attached, and what it says
// of itself.
// Errors: none.
#include "players/games_part.h"

#include "base/clock.h"
#include "base/log.h"
#include "game/proc.h"
#include "players/conn.h"
#include "players/players.h"
#include "vault/flow.h"
#include "vault/slot.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <unistd.h>

static_assert(CONF_MAX_GAMES <= VAULT_GAMES && CONF_MAX_LISTENERS <= VAULT_LISTENERS, "slots");

#define ATTACH_MS 5000u    // for a new process to attach, when players wait to be resumed
#define LEFTOVER_MS 60000u // a dead game's child may keep its listening socket

const struct conf_game *games_conf(const struct players *players, unsigned game)
{
    return &players->heritage->conf.game[game];
}

bool games_is_link_of(const struct slot *slot, unsigned game, int32_t pid, uint64_t start)
{
    return slot->state == SLOT_LIVE && slot->game == game && slot->game_fd >= 0 &&
           slot->game_pid == pid && slot->game_start == start;
}

// What was seen of the game's process.
struct met {
    pid_t pid; // 0: whoever it is, and `start` is its listening socket
    uint64_t start;
    uint64_t listener;
    pid_t listener_pid; // who made it, or is said to have
    uint32_t doubted;   // GAME_DOUBTED
};

// This process is the game now.
static void note_here(struct players *players, unsigned game, const struct met *met)
{
    struct vault_head *head = players->vault->head;
    struct game_state next = game_now(head, game);
    bool is_same = met->pid == next.pid && met->start == next.start;
    bool is_new = !is_same || !(next.flags & GAME_SEEN) || next.flags & GAME_AWAY;
    if (!is_new && met->listener == next.listener && met->doubted == (next.flags & GAME_DOUBTED))
        return;
    // What the old process has said of itself is not true of the new one; whether the old one
    // resumed players is in their slots.
    if (is_new) {
        next.flags = is_same ? next.flags & (GAME_ATTACHED | GAME_RESUMES | GAME_ACKS) : 0;
        next.since_ms = clock_boot_ms();
    }
    next.flags = (next.flags & ~GAME_DOUBTED) | GAME_SEEN | met->doubted;
    next.pid = met->pid;
    next.start = met->start;
    next.listener = met->listener;
    game_commit(head, game, &next);
    if (!is_new)
        return;
    log_event(LOG_GAME_HERE, "game=%s pid=%d", games_conf(players, game)->name, (int)met->pid);
    games_watch(players, game, met->pid, met->start);
}

static uint32_t link_flags(const struct game_state *now)
{
    return (now->flags & GAME_ACKS ? SLOT_FLAG_ACKS : 0u) |
           (now->flags & GAME_RESUMES ? SLOT_FLAG_RESUMES : 0u) |
           (now->flags & GAME_HOLDS ? SLOT_FLAG_HOLDS : 0u) |
           (now->flags & GAME_LEAVES ? SLOT_FLAG_LEAVES : 0u);
}

// What a process says of itself holds for the links that it has already, too. They keep its last
// plan when another process takes its place.
static void mark_links(struct players *players, unsigned game, const struct game_state *now)
{
    slot_each_live(players->vault, slot)
        if (games_is_link_of(slot, game, now->pid, now->start))
            slot->flags = (slot->flags & ~(SLOT_FLAG_HOLDS | SLOT_FLAG_LEAVES)) | link_flags(now);
}

bool games_attach(struct players *players, unsigned game, pid_t pid, bool resumes,
                  bool acknowledges)
{
    struct proc_view view;
    if (!proc_see(pid, &view))
        return false;
    note_here(players, game, &(struct met){.pid = pid, .start = view.start});
    games_note_owner(players, game, geteuid());
    struct game_state next = game_now(players->vault->head, game);
    next.flags =
        GAME_SEEN | GAME_ATTACHED | (resumes ? GAME_RESUMES : 0) | (acknowledges ? GAME_ACKS : 0);
    game_commit(players->vault->head, game, &next);
    players->games->watch[game].attach_until_ms = 0;
    mark_links(players, game, &next);
    return true;
}

bool games_plan(struct players *players, unsigned game, pid_t pid, bool holds)
{
    struct game_state next = game_now(players->vault->head, game);
    if (next.pid != pid || !(next.flags & GAME_ATTACHED))
        return false;
    next.flags &= ~(GAME_HOLDS | GAME_LEAVES);
    next.flags |= holds ? GAME_HOLDS : GAME_LEAVES;
    game_commit(players->vault->head, game, &next);
    mark_links(players, game, &next);
    games_judge_again(players, game, next.pid, next.start);
    return true;
}

static bool is_unread(const struct slot *slot)
{
    const struct flow_state *now = flow_now(&slot->flow[TO_GAME]);
    int n = 0;
    return slot->state == SLOT_LIVE && slot->game_fd >= 0 && now->flags & FLOW_FRESH &&
           ioctl(slot->game_fd, SIOCOUTQ, &n) == 0 && n > 0;
}

bool games_have_room(struct players *players, unsigned game)
{
    const struct game_watch *watch = &players->games->watch[game];
    if (!vault_is_proven(players->vault))
        return false; // no new descriptors for slots (guard/upgrade/probation.h)
    unsigned n_known = watch->n_newest < GAMES_UNREAD ? watch->n_newest : GAMES_UNREAD;
    if (games_conf(players, game)->sockaddr.ss_family != AF_UNIX || n_known < GAMES_UNREAD)
        return true;
    for (unsigned i = 0; i < n_known; i++)
        if (!is_unread(&players->vault->slots[watch->newest[i]]))
            return true;
    return false;
}

uint64_t games_said(const struct slot *slot)
{
    const struct flow_state *now = flow_now(&slot->flow[TO_PLAYER]);
    return now->received - now->output.aside;
}

void games_note_link(struct players *players, const struct slot *slot, uint64_t held_ms)
{
    struct game_watch *watch = &players->games->watch[slot->game];
    const uint32_t index = vault_slot_index(players->vault, slot);
    watch->newest[watch->n_newest++ % GAMES_UNREAD] = index;
    players->conns[index].linked_ms = clock_boot_ms();
    players->conns[index].said_before = games_said(slot);
    if (held_ms == 0)
        return;
    watch->n_back++;
    if (watch->back_since_ms == 0 || held_ms < watch->back_since_ms)
        watch->back_since_ms = held_ms;
}

void games_note_all_linked(struct players *players, unsigned game)
{
    struct game_watch *watch = &players->games->watch[game];
    if (watch->n_back == 0)
        return;
    log_event(LOG_GAME_BACK, "game=%s players=%u seconds=%llu", games_conf(players, game)->name,
              watch->n_back,
              (unsigned long long)(clock_boot_ms() - watch->back_since_ms + 500) / 1000);
    watch->n_back = 0;
    watch->back_since_ms = 0;
}

void games_note_held(struct players *players, const struct slot *slot)
{
    players->games->watch[slot->game].may_resume = true;
}

static bool has_resumable(struct players *players, unsigned game)
{
    if (!players->games->watch[game].may_resume)
        return false;
    slot_each_live(players->vault, slot)
        if (slot->game == game && slot->game_fd < 0 && slot_has(slot, SLOT_FLAG_LINKED) &&
            slot_has(slot, SLOT_FLAG_RESUMES))
            return true;
    players->games->watch[game].may_resume = false;
    return false;
}

// Is this the listening socket of the game that we have seen die? A child of it (a dump) still has
// it open, and accepts nobody. After a while it counts as a game that has gone on in the child.
// Over a Unix socket `pid` is who called listen(2): the game itself, or its parent before it went
// on in a child.
static bool is_leftover(const struct vault_head *head, unsigned game, const struct games_peer *peer)
{
    struct game_state now = game_now(head, game);
    struct proc_view view;
    if (!(now.flags & GAME_AWAY) || clock_boot_ms() >= now.since_ms + LEFTOVER_MS)
        return false;
    if (peer->pid == 0) // over TCP, of a process that was known; or a proxy's, before it
        return now.pid > 0 && now.listener != 0 && now.listener == peer->listener.inode &&
               now.listener != LISTENER_UNSEEN && !proc_see(now.pid, &view);
    return (now.pid == peer->pid || head->games[game].listener_pid == peer->pid) &&
           peer->start == 0;
}

// Somebody is there who has not attached, and players wait who could be resumed: give it time,
// each process its own.
static bool must_wait_for_attach(struct players *players, unsigned game, pid_t pid, uint64_t start)
{
    struct game_watch *watch = &players->games->watch[game];
    uint64_t now_ms = clock_boot_ms();
    bool is_same = watch->attach_pid == pid && watch->attach_start == start;
    if (watch->attach_until_ms == 0 || !is_same) {
        if (!has_resumable(players, game))
            return false;
        watch->attach_until_ms = now_ms + ATTACH_MS;
        watch->attach_pid = pid;
        watch->attach_start = start;
    }
    return now_ms < watch->attach_until_ms;
}

static bool not_now(void)
{
    errno = EAGAIN;
    return false;
}

// Whom the link leads to. The attached process, as long as it lives, is the game, whoever of its
// user's listens for it.
static bool find_game(struct players *players, unsigned game, int fd,
                      const struct game_state *living, struct met *met)
{
    struct games_peer peer;
    if (!games_find_peer(players, game, fd, living, &peer))
        return false;
    if (living && living->flags & GAME_ATTACHED) {
        *met = (struct met){.pid = living->pid,
                            .start = living->start,
                            .listener = peer.listener.inode,
                            .listener_pid = peer.pid};
        return true;
    }
    if (is_leftover(players->vault->head, game, &peer))
        return not_now();
    *met = (struct met){.pid = peer.pid,
                        .start = peer.start,
                        .listener = peer.listener.inode,
                        .listener_pid = peer.pid,
                        .doubted = peer.is_doubted ? GAME_DOUBTED : 0};
    if (met->start == 0) { // it has gone on in a child, or is in another namespace
        met->pid = 0;
        met->start = met->listener;
    }
    return !must_wait_for_attach(players, game, met->pid, met->start) || not_now();
}

// Asked once: a process that dies while it is asked about is one thing or the other.
static bool is_living(struct players *players, unsigned game, const struct game_state *now)
{
    if (now->flags & GAME_AWAY)
        return false;
    const enum proc_life life = proc_look(now->pid, now->start);
    if (life == PROC_DEAD)
        games_note_death(players, game); // its descriptor may tell later than the connect
    return life == PROC_ALIVE;
}

bool games_meet(struct players *players, unsigned game, int fd, struct link_terms *terms)
{
    struct vault_head *head = players->vault->head;
    struct game_state now = game_now(head, game);
    struct met met;
    if (!find_game(players, game, fd, is_living(players, game, &now) ? &now : NULL, &met))
        return false;
    head->games[game].listener_pid = met.listener_pid;
    note_here(players, game, &met);
    now = game_now(head, game);
    *terms = (struct link_terms){.pid = met.pid, .start = met.start, .flags = link_flags(&now)};
    return true;
}
