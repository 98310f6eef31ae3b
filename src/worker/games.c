// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who is there (games.h): the process that a link leads to, or that has attached, and what it says
// of itself.
// Errors: none.
#include "worker/games_part.h"

#include "base/clock.h"
#include "base/log.h"
#include "game/process.h"
#include "vault/flow.h"
#include "vault/slot.h"
#include "worker/worker.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

static_assert(CONF_MAX_GAMES <= VAULT_GAMES && CONF_MAX_LISTENERS <= VAULT_LISTENERS, "slots");

#define ATTACH_MS 5000u    // for a new process to attach, when players wait to be resumed
#define LEFTOVER_MS 60000u // a dead game's child may keep its listening socket

const struct conf_game *games_conf(const struct worker *worker, unsigned game)
{
    return &worker->heritage->conf.game[game];
}

bool games_is_link_of(const struct slot *slot, unsigned game, int32_t pid, uint64_t start)
{
    return slot->state == SLOT_LIVE && slot->game == game && slot->game_fd >= 0 &&
           slot->game_pid == pid && slot->game_start == start;
}

// Process pid is the game now; 0: whoever it is, and `start` is its listening socket.
static void note_here(struct worker *worker, unsigned game, pid_t pid, uint64_t start)
{
    struct vault_head *head = worker->vault->head;
    struct game_state next = game_now(head, game);
    bool is_same = pid == next.pid && start == next.start;
    if (is_same && (next.flags & GAME_SEEN) && !(next.flags & GAME_AWAY))
        return;
    // What the old process has said of itself is not true of the new one; whether the old one
    // resumed players is in their slots.
    uint32_t kept = is_same ? next.flags & (GAME_ATTACHED | GAME_RESUMES | GAME_ACKS) : 0;
    next.flags = kept | GAME_SEEN;
    next.pid = pid;
    next.start = start;
    next.since_ms = clock_boot_ms();
    game_commit(head, game, &next);
    log_event(LOG_GAME_HERE, "game=%s pid=%d", games_conf(worker, game)->name, (int)pid);
    games_watch(worker, game, pid, start);
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
static void mark_links(struct worker *worker, unsigned game, const struct game_state *now)
{
    struct vault *vault = worker->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        struct slot *slot = &vault->slots[i];
        if (!games_is_link_of(slot, game, now->pid, now->start))
            continue;
        slot->flags = (slot->flags & ~(SLOT_FLAG_HOLDS | SLOT_FLAG_LEAVES)) | link_flags(now);
    }
}

enum order_result order_attach(struct worker *worker, unsigned game, pid_t pid, bool resumes,
                               bool acknowledges)
{
    uint64_t start = process_start(pid);
    if (start == 0)
        return ORDER_GONE;
    note_here(worker, game, pid, start);
    struct game_state next = game_now(worker->vault->head, game);
    next.flags =
        GAME_SEEN | GAME_ATTACHED | (resumes ? GAME_RESUMES : 0) | (acknowledges ? GAME_ACKS : 0);
    game_commit(worker->vault->head, game, &next);
    worker->games.watch[game].attach_until_ms = 0;
    mark_links(worker, game, &next);
    waiting_hurry(worker);
    return ORDER_DONE;
}

enum order_result order_plan(struct worker *worker, unsigned game, pid_t pid, enum order_plan plan)
{
    struct game_state next = game_now(worker->vault->head, game);
    if (next.pid != pid || !(next.flags & GAME_ATTACHED))
        return ORDER_NOT_ATTACHED;
    next.flags &= ~(GAME_HOLDS | GAME_LEAVES);
    next.flags |= plan == ORDER_PLAN_END_LEAVE ? GAME_LEAVES : GAME_HOLDS;
    game_commit(worker->vault->head, game, &next);
    mark_links(worker, game, &next);
    games_judge_again(worker, game, next.pid, next.start);
    return ORDER_DONE;
}

static bool is_unread(const struct slot *slot)
{
    const struct flow_state *now = flow_now(&slot->flow[TO_GAME]);
    int n = 0;
    return slot->state == SLOT_LIVE && slot->game_fd >= 0 && now->sent == now->aside &&
           ioctl(slot->game_fd, SIOCOUTQ, &n) == 0 && n > 0;
}

bool games_have_room(struct worker *worker, unsigned game)
{
    const struct game_watch *watch = &worker->games.watch[game];
    if (!vault_is_proven(worker->vault))
        return false; // no new descriptors for slots (guard/probation.h)
    unsigned n_known = watch->n_newest < GAMES_UNREAD ? watch->n_newest : GAMES_UNREAD;
    if (games_conf(worker, game)->sockaddr.ss_family != AF_UNIX || n_known < GAMES_UNREAD)
        return true;
    for (unsigned i = 0; i < n_known; i++)
        if (!is_unread(&worker->vault->slots[watch->newest[i]]))
            return true;
    return false;
}

void games_note_link(struct worker *worker, const struct slot *slot, uint64_t held_ms)
{
    struct game_watch *watch = &worker->games.watch[slot->game];
    watch->newest[watch->n_newest++ % GAMES_UNREAD] = vault_slot_index(worker->vault, slot);
    if (held_ms == 0)
        return;
    watch->n_back++;
    if (watch->back_since_ms == 0 || held_ms < watch->back_since_ms)
        watch->back_since_ms = held_ms;
}

void games_note_all_linked(struct worker *worker, unsigned game)
{
    struct game_watch *watch = &worker->games.watch[game];
    if (watch->n_back == 0)
        return;
    log_event(LOG_GAME_BACK, "game=%s players=%u seconds=%llu", games_conf(worker, game)->name,
              watch->n_back,
              (unsigned long long)(clock_boot_ms() - watch->back_since_ms + 500) / 1000);
    watch->n_back = 0;
    watch->back_since_ms = 0;
}

void games_note_held(struct worker *worker, const struct slot *slot)
{
    worker->games.watch[slot->game].may_resume = true;
}

static bool has_resumable(struct worker *worker, unsigned game)
{
    const struct vault *vault = worker->vault;
    if (!worker->games.watch[game].may_resume)
        return false;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++)
        if (vault->slots[i].state == SLOT_LIVE && vault->slots[i].game == game &&
            vault->slots[i].game_fd < 0 && slot_has(&vault->slots[i], SLOT_FLAG_LINKED) &&
            slot_has(&vault->slots[i], SLOT_FLAG_RESUMES))
            return true;
    worker->games.watch[game].may_resume = false;
    return false;
}

// Is this the listening socket of the game that we have seen die? A child of it (a dump) still has
// it open, and accepts nobody. After a while it counts as a game that has gone on in the child.
// `peer` is who called listen(2): the game itself, or its parent before it went on in a child.
static bool is_leftover(const struct vault_head *head, unsigned game, pid_t peer)
{
    struct game_state now = game_now(head, game);
    return now.flags & GAME_AWAY && peer > 0 &&
           (now.pid == peer || head->games[game].listener_pid == peer) &&
           clock_boot_ms() < now.since_ms + LEFTOVER_MS && process_start(peer) == 0;
}

// Somebody is there who has not attached, and players wait who could be resumed: give it time.
static bool must_wait_for_attach(struct worker *worker, unsigned game, pid_t pid)
{
    struct game_watch *watch = &worker->games.watch[game];
    uint64_t now_ms = clock_boot_ms();
    if (watch->attach_until_ms == 0 || watch->attach_pid != pid) {
        if (!has_resumable(worker, game))
            return false;
        watch->attach_until_ms = now_ms + ATTACH_MS;
        watch->attach_pid = pid;
    }
    return now_ms < watch->attach_until_ms;
}

bool games_meet(struct worker *worker, unsigned game, int fd, struct link_terms *terms)
{
    struct vault_head *head = worker->vault->head;
    struct game_state now = game_now(head, game);
    // Asked once: a process that dies while it is asked about is one thing or the other.
    const enum process_life life = process_look(now.pid, now.start);
    if (life == PROCESS_DEAD)
        games_note_death(worker, game); // its descriptor may tell later than the connect
    // The attached process, as long as it lives, is the game, whoever listens for it.
    bool is_attached = now.flags & GAME_ATTACHED && life == PROCESS_ALIVE;
    pid_t peer = link_peer(games_conf(worker, game), fd);
    pid_t pid = is_attached ? now.pid : peer;
    if (process_is_dying(pid) || (!is_attached && is_leftover(head, game, peer)))
        return false;
    uint64_t start = is_attached ? now.start : process_start(pid);
    if (start == 0) { // it has gone on in a child, or is in another namespace
        pid = 0;
        uint64_t listener = games_listener(worker, game, false);
        start = listener == LINK_UNSEEN ? 0 : listener;
    }
    if (!is_attached && must_wait_for_attach(worker, game, pid))
        return false;
    head->games[game].listener_pid = peer;
    note_here(worker, game, pid, start);
    now = game_now(head, game);
    *terms = (struct link_terms){.pid = pid, .start = start, .flags = link_flags(&now)};
    return true;
}
