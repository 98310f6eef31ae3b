// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Watching the guard by its pidfd (guard_watch.h). Errors: tried again.
#include "worker/guard_watch.h"

#include "guard/clone.h"
#include "guard/guard.h"
#include "guard/lease.h"
#include "worker/worker.h"

#include <signal.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define LOOK_MS 5

static struct {
    struct worker *worker;
    struct event *death; // the guard's pidfd
    struct event *timer; // runs while no guard is known
    uint64_t guard;      // the word of the guard that is watched
    pid_t candidate;     // the process we made to become guard
    int pidfd;
} watch;

static void look_again(void)
{
    struct timeval soon = {.tv_usec = LOOK_MS * 1000};
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

// Watch the present guard; false if there is none alive.
static bool watch_guard(void)
{
    uint64_t word = watch.worker->vault->head->guard;
    if (!lease_is_alive(word))
        return false;
    watch.pidfd = pidfd_open(lease_pid(word), 0);
    if (watch.pidfd < 0)
        return false;
    watch.guard = word;
    watch.death = event_new(watch.worker->base, watch.pidfd, EV_READ, on_death, NULL);
    if (watch.death && event_add(watch.death, NULL) == 0)
        return true;
    close(watch.pidfd);
    return false;
}

// Nobody else is left: a copy of this process tries for the guard's place.
static void make_candidate(void)
{
    const struct vault_head *head = watch.worker->vault->head;
    uint64_t dead = head->guard;
    if (watch.candidate > 0 && kill(watch.candidate, 0) == 0)
        return;
    int pidfd = -1;
    pid_t pid = clone_sharing_table(&pidfd);
    if (pid == 0)
        guard_run(watch.worker->heritage, dead);
    if (pid < 0)
        return;
    close(pidfd);
    watch.candidate = pid;
}

static void on_look(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    if (watch_guard())
        return;
    if (!lease_is_alive(watch.worker->vault->head->spare))
        make_candidate();
    look_again();
}

void guard_watch_start(struct worker *worker)
{
    if (worker->heritage->is_alone)
        return;
    // Guards that we make are not waited for.
    signal(SIGCHLD, SIG_IGN);
    watch.worker = worker;
    watch.timer = evtimer_new(worker->base, on_look, NULL);
    if (watch.timer && !watch_guard())
        look_again();
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
