// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Watching and judging the games' processes (games.h).
// Errors: without a descriptor or memory to watch, a game's death is seen by its links.
#include "worker/games.h"

#include "base/clock.h"
#include "base/log.h"
#include "game/process.h"
#include "vault/flow.h"
#include "vault/slot.h"
#include "worker/worker.h"

#include <errno.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define ATTACH_MS 5000u    // for a new process to attach, when players wait to be resumed
#define LEFTOVER_MS 60000u // a dead game's child may keep its listening socket
#define SAVING_MS 30000u   // for a game without its connector to save its database
#define LOOK_MS 200u       // until a game of an unknown process is looked for
#define ORDER_MS 1u        // what the game has ordered before it closed the link is done first
#define LOOK_AGAIN_MS 50u  // what was seen then holds for all players who are judged meanwhile

static const struct conf_game *conf_of(const struct worker *worker, unsigned game)
{
    return &worker->heritage->conf.game[game];
}

static void stop_watching(struct game_watch *watch)
{
    if (!watch->death)
        return;
    event_free(watch->death);
    close(watch->pidfd);
    watch->death = NULL;
    watch->pid = 0;
}

static bool is_link_of(const struct slot *slot, unsigned game, const struct game_state *state)
{
    return slot->state == SLOT_LIVE && slot->game == game && slot->game_fd >= 0 &&
           slot->game_pid == state->pid && slot->game_start == state->start;
}

// The process is dead. What it has said on its links is read to the end, then each is judged.
static void orphan_links(struct worker *worker, unsigned game, const struct game_state *dead)
{
    struct vault *vault = worker->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        if (!is_link_of(&vault->slots[i], game, dead))
            continue;
        worker->conns[i].relay.is_orphan = true;
        conn_serve(&worker->conns[i], RELAY_READ_GAME);
    }
}

// A worker may have died before all links of a dead process were judged.
static void orphan_dead_links(struct worker *worker)
{
    struct vault *vault = worker->vault;
    struct game_state seen = {0}; // looked at last
    bool is_dead = false;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        const struct slot *slot = &vault->slots[i];
        if (slot->state != SLOT_LIVE || slot->game_fd < 0)
            continue;
        if (slot->game_pid != seen.pid || slot->game_start != seen.start)
            is_dead = process_look(slot->game_pid, slot->game_start) == PROCESS_DEAD;
        seen.pid = slot->game_pid;
        seen.start = slot->game_start;
        if (!is_dead)
            continue;
        worker->conns[i].relay.is_orphan = true;
        conn_serve(&worker->conns[i], RELAY_READ_GAME);
    }
}

static void note_death(struct worker *worker, unsigned game)
{
    struct vault_head *head = worker->vault->head;
    struct game_state next = game_now(head, game);
    if (next.flags & GAME_AWAY)
        return;
    next.flags = (next.flags & (GAME_SEEN | GAME_RESUMES | GAME_HOLDS | GAME_LEAVES)) | GAME_AWAY;
    next.since_ms = clock_boot_ms();
    game_commit(head, game, &next);
    log_event(LOG_GAME_AWAY, "game=%s pid=%d", conf_of(worker, game)->name, (int)next.pid);
}

static void on_death(evutil_socket_t fd, short what, void *arg)
{
    struct game_watch *watch = arg;
    struct worker *worker = watch->worker;
    unsigned game = (unsigned)(watch - worker->games.watch);
    struct game_state dead = game_now(worker->vault->head, game);
    (void)fd;
    (void)what;
    stop_watching(watch);
    note_death(worker, game);
    orphan_links(worker, game, &dead);
}

// Watch the game's present process. The descriptor is the worker's own: a successor opens another,
// and looks first whether it is still the same process.
static void watch_process(struct worker *worker, unsigned game)
{
    struct game_watch *watch = &worker->games.watch[game];
    struct game_state now = game_now(worker->vault->head, game);
    if (watch->pid == now.pid)
        return;
    stop_watching(watch);
    if (now.pid == 0 || now.flags & GAME_AWAY)
        return;
    watch->pidfd = pidfd_open(now.pid, 0);
    if (watch->pidfd < 0)
        return;
    watch->death = event_new(worker->base, watch->pidfd, EV_READ, on_death, watch);
    if (!watch->death || event_add(watch->death, NULL) < 0) {
        if (watch->death)
            event_free(watch->death);
        watch->death = NULL;
        close(watch->pidfd);
        return;
    }
    watch->pid = now.pid;
}

void games_start(struct worker *worker)
{
    for (unsigned i = 0; i < worker->heritage->conf.n_games; i++) {
        worker->games.watch[i].worker = worker;
        worker->games.watch[i].may_resume = true;
        struct game_state now = game_now(worker->vault->head, i);
        if (now.pid == 0 || now.flags & GAME_AWAY)
            continue;
        if (process_look(now.pid, now.start) == PROCESS_DEAD)
            note_death(worker, i);
        else
            watch_process(worker, i);
    }
    orphan_dead_links(worker);
}

void games_stop(struct worker *worker)
{
    for (unsigned i = 0; i < VAULT_GAMES; i++)
        stop_watching(&worker->games.watch[i]);
}

// Process pid is the game now; 0: whoever it is.
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
    log_event(LOG_GAME_HERE, "game=%s pid=%d", conf_of(worker, game)->name, (int)pid);
    watch_process(worker, game);
}

static uint32_t link_flags(const struct game_state *now)
{
    return (now->flags & GAME_ACKS ? SLOT_FLAG_ACKS : 0u) |
           (now->flags & GAME_RESUMES ? SLOT_FLAG_RESUMES : 0u);
}

// What a process says when it attaches holds for the links that it has already, too.
static void mark_links(struct worker *worker, unsigned game, const struct game_state *now)
{
    struct vault *vault = worker->vault;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++)
        if (is_link_of(&vault->slots[i], game, now))
            vault->slots[i].flags |= link_flags(now);
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
    if (conf_of(worker, game)->sockaddr.ss_family != AF_UNIX || n_known < GAMES_UNREAD)
        return true;
    for (unsigned i = 0; i < n_known; i++)
        if (!is_unread(&worker->vault->slots[watch->newest[i]]))
            return true;
    return false;
}

void games_note_link(struct worker *worker, const struct slot *slot)
{
    struct game_watch *watch = &worker->games.watch[slot->game];
    watch->newest[watch->n_newest++ % GAMES_UNREAD] = vault_slot_index(worker->vault, slot);
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

// The attached process, as long as it lives, is the game, whoever listens for it.
static pid_t find_peer(const struct worker *worker, unsigned game, int fd)
{
    struct game_state now = game_now(worker->vault->head, game);
    if (now.flags & GAME_ATTACHED && process_look(now.pid, now.start) == PROCESS_ALIVE)
        return now.pid;
    return link_peer(conf_of(worker, game), fd);
}

// Is this the listening socket of the game that we have seen die? A child of it (a dump) still has
// it open, and accepts nobody. After a while it counts as a game that has gone on in the child.
static bool is_leftover(const struct game_state *now, pid_t pid, uint64_t start)
{
    return start == 0 && pid > 0 && now->pid == pid && now->flags & GAME_AWAY &&
           clock_boot_ms() < now->since_ms + LEFTOVER_MS;
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
    pid_t pid = find_peer(worker, game, fd);
    uint64_t start = process_start(pid);
    struct game_state now = game_now(worker->vault->head, game);
    if (process_is_dying(pid) || is_leftover(&now, pid, start))
        return false;
    if (start == 0)
        pid = 0; // it has gone on in a child, or is in another namespace
    bool is_attached = now.flags & GAME_ATTACHED && now.pid == pid && now.start == start;
    if (!is_attached && must_wait_for_attach(worker, game, pid))
        return false;
    note_here(worker, game, pid, start);
    now = game_now(worker->vault->head, game);
    *terms = (struct link_terms){.pid = pid, .start = start, .flags = link_flags(&now)};
    return true;
}

bool games_is_alive(const struct slot *slot)
{
    return process_look(slot->game_pid, slot->game_start) == PROCESS_ALIVE;
}

void games_note_away(struct worker *worker, unsigned game)
{
    struct game_state now = game_now(worker->vault->head, game);
    if (now.flags & GAME_SEEN && process_look(now.pid, now.start) != PROCESS_ALIVE)
        note_death(worker, game);
}

// What the process that has this link has said on the control channel.
static uint32_t plan_of(const struct worker *worker, const struct slot *slot)
{
    struct game_state now = game_now(worker->vault->head, slot->game);
    bool is_same = now.pid == slot->game_pid && now.start == slot->game_start;
    return is_same ? now.flags & (GAME_HOLDS | GAME_LEAVES) : 0;
}

// The kernel's list of sockets is long when there are many players, and they end together.
static bool is_listening(struct worker *worker, unsigned game)
{
    struct game_watch *watch = &worker->games.watch[game];
    if (watch->looked_ms == 0 || clock_boot_ms() >= watch->looked_ms + LOOK_AGAIN_MS) {
        watch->is_listening = link_is_listening(conf_of(worker, game));
        watch->looked_ms = clock_boot_ms();
    }
    return watch->is_listening;
}

static enum games_verdict judge_unknown(struct worker *worker, const struct slot *slot,
                                        uint64_t since_ms)
{
    if (since_ms < LOOK_MS)
        return GAMES_LATER;
    if (is_listening(worker, slot->game))
        return GAMES_PLAYER;
    games_note_away(worker, slot->game);
    return GAMES_DEAD;
}

// Until when a game that has closed a player may yet end by itself. One that has ended its
// connector, too, is on its way: PennMUSH saves its database then.
static uint64_t shutdown_wait_ms(const struct worker *worker, unsigned game)
{
    const struct conf_game *conf = conf_of(worker, game);
    bool has_lost_it = conf->links == CONF_LINKS_CONNECTOR && !connector_is_here(worker, game);
    return has_lost_it && conf->shutdown_wait_ms < SAVING_MS ? SAVING_MS : conf->shutdown_wait_ms;
}

enum games_verdict games_judge(struct worker *worker, const struct slot *slot, uint64_t since_ms)
{
    const struct conf_game *conf = conf_of(worker, slot->game);
    struct game_state now = game_now(worker->vault->head, slot->game);
    uint32_t plan = plan_of(worker, slot);
    switch (process_look(slot->game_pid, slot->game_start)) {
    case PROCESS_UNKNOWN:
        return judge_unknown(worker, slot, since_ms);
    case PROCESS_DEAD:
        if (now.pid == slot->game_pid && now.start == slot->game_start)
            note_death(worker, slot->game);
        return plan & GAME_LEAVES ? GAMES_GONE : GAMES_DEAD;
    case PROCESS_ALIVE:
        break;
    }
    if (plan)
        return plan & GAME_HOLDS ? GAMES_DEAD : GAMES_PLAYER;
    // A game that ends by itself often closes its players first, and dies a moment later.
    uint64_t wait_ms =
        conf->on_shutdown == CONF_SHUTDOWN_HOLD ? shutdown_wait_ms(worker, slot->game) : 0;
    if (wait_ms < ORDER_MS)
        wait_ms = ORDER_MS;
    bool may_be_more = since_ms < wait_ms && flow_now(&slot->flow[TO_GAME])->phase == FLOW_OPEN;
    return may_be_more ? GAMES_LATER : GAMES_PLAYER;
}
