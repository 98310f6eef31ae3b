// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Watching the guard by its pidfd (guard_watch.h). Errors: tried again.
#include "worker/guard_watch.h"

#include "process/clone.h"
#include "process/lease.h"
#include "process/role.h"
#include "worker/worker.h"

#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define GUARD_LOOK_MS 5 // while no guard is known

static void look_again(struct guard_watch *watch)
{
    struct timeval soon = {.tv_usec = GUARD_LOOK_MS * 1000};
    event_add(watch->timer, &soon);
}

static void on_death(evutil_socket_t fd, short what, void *arg)
{
    struct guard_watch *watch = arg;
    (void)fd;
    (void)what;
    event_free(watch->death);
    watch->death = NULL;
    close(watch->pidfd);
    look_again(watch);
}

// Watch the process of this word. False: not now.
static bool watch_guard(struct worker *worker, uint64_t word)
{
    struct guard_watch *watch = &worker->guard_watch;
    watch->pidfd = pidfd_open(lease_pid(word), 0);
    if (watch->pidfd < 0)
        return false;
    watch->death = event_new(worker->players.base, watch->pidfd, EV_READ, on_death, watch);
    if (watch->death && event_add(watch->death, NULL) == 0)
        return true;
    if (watch->death)
        event_free(watch->death);
    watch->death = NULL;
    close(watch->pidfd);
    return false;
}

static bool is_candidate_alive(struct guard_watch *watch)
{
    if (watch->candidate_pidfd < 0)
        return false;
    if (!lease_has_died(watch->candidate_pidfd))
        return true;
    close(watch->candidate_pidfd);
    watch->candidate_pidfd = -1;
    return false;
}

// Nobody else is left: a copy of this process tries for the place of the dead guard.
static void make_candidate(struct worker *worker, uint64_t dead)
{
    struct guard_watch *watch = &worker->guard_watch;
    if (is_candidate_alive(watch))
        return;
    if (clone_sharing_table(&watch->candidate_pidfd) == 0) {
        event_free(watch->timer); // which runs now, so it is in no queue
        worker_forget(worker);
        role_become(ROLE_GUARD, dead);
    }
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    const struct vault_head *head = worker->vault.head;
    // Judged and replaced must be one word: a spare may take the place at any moment.
    uint64_t word = head->guard;
    (void)fd;
    (void)what;
    if (lease_is_alive(word)) {
        if (watch_guard(worker, word))
            return;
    } else if (!lease_is_alive(head->spare)) {
        make_candidate(worker, word);
    }
    look_again(&worker->guard_watch);
}

void guard_watch_start(struct worker *worker)
{
    struct guard_watch *watch = &worker->guard_watch;
    if (worker->players.heritage->is_alone)
        return;
    // Guards that we make are not waited for.
    signal(SIGCHLD, SIG_IGN);
    watch->candidate_pidfd = -1;
    watch->timer = evtimer_new(worker->players.base, on_look, worker);
    if (watch->timer)
        on_look(-1, 0, worker);
}

void guard_watch_stop(struct guard_watch *watch)
{
    if (watch->death) {
        event_free(watch->death);
        close(watch->pidfd);
    }
    if (watch->timer)
        event_free(watch->timer);
}
