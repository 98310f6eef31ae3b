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
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define GUARD_LOOK_MS 5 // while no guard is known

static struct {
    struct worker *worker;
    struct event *death; // the guard's pidfd
    struct event *timer; // runs while no guard is known
    int pidfd;
    int candidate_pidfd; // the process we made to become guard; -1: none
} watch;

static void look_again(void)
{
    struct timeval soon = {.tv_usec = GUARD_LOOK_MS * 1000};
    event_add(watch.timer, &soon);
}

static void on_death(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    event_free(watch.death);
    watch.death = NULL;
    close(watch.pidfd);
    look_again();
}

// Watch the process of this word. False: not now.
static bool watch_guard(uint64_t word)
{
    watch.pidfd = pidfd_open(lease_pid(word), 0);
    if (watch.pidfd < 0)
        return false;
    watch.death = event_new(watch.worker->players.base, watch.pidfd, EV_READ, on_death, NULL);
    if (watch.death && event_add(watch.death, NULL) == 0)
        return true;
    if (watch.death)
        event_free(watch.death);
    watch.death = NULL;
    close(watch.pidfd);
    return false;
}

static bool is_candidate_alive(void)
{
    if (watch.candidate_pidfd < 0)
        return false;
    if (!lease_has_died(watch.candidate_pidfd))
        return true;
    close(watch.candidate_pidfd);
    watch.candidate_pidfd = -1;
    return false;
}

// Nobody else is left: a copy of this process tries for the place of the dead guard.
static void make_candidate(uint64_t dead)
{
    if (is_candidate_alive())
        return;
    if (clone_sharing_table(&watch.candidate_pidfd) == 0) {
        event_free(watch.timer); // which runs now, so it is in no queue
        worker_forget(watch.worker);
        role_become(ROLE_GUARD, dead);
    }
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    const struct vault_head *head = watch.worker->vault.head;
    // Judged and replaced must be one word: a spare may take the place at any moment.
    uint64_t word = head->guard;
    (void)fd;
    (void)what;
    (void)arg;
    if (lease_is_alive(word)) {
        if (watch_guard(word))
            return;
    } else if (!lease_is_alive(head->spare)) {
        make_candidate(word);
    }
    look_again();
}

void guard_watch_start(struct worker *worker)
{
    if (worker->players.heritage->is_alone)
        return;
    // Guards that we make are not waited for.
    signal(SIGCHLD, SIG_IGN);
    // What stands here may be a dead worker's, of whom this process is a copy.
    memset(&watch, 0, sizeof watch);
    watch.worker = worker;
    watch.candidate_pidfd = -1;
    watch.timer = evtimer_new(worker->players.base, on_look, NULL);
    if (watch.timer)
        on_look(-1, 0, NULL);
}

void guard_watch_stop(void)
{
    if (watch.death) {
        event_free(watch.death);
        close(watch.pidfd);
    }
    if (watch.timer)
        event_free(watch.timer);
}
