// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Making and ending the worker and the spare (guard_part.h).
#include "base/clock.h"
#include "base/log.h"
#include "guard/guard_part.h"
#include "guard/remains.h"
#include "guard/sweep.h"
#include "process/clone.h"
#include "process/lease.h"
#include "process/role.h"
#include "vault/workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_MS 2000 // for a killed process to be dead

static void try_later(struct guard *guard, const char *what)
{
    log_event(LOG_SYSTEM, "what=\"%s\" error=\"%s\"", what, strerror(errno));
    guard->retry_ms = clock_boot_ms() + GUARD_RETRY_MS;
}

bool guard_make_spare(struct guard *guard)
{
    int pidfd;
    pid_t pid = clone_sharing_table(&pidfd);
    if (pid == 0)
        role_become(ROLE_SPARE, guard->word);
    if (pid < 0) {
        try_later(guard, "make a spare");
        return false;
    }
    guard->vault.head->spare = (uint32_t)pid;
    heritage_renew(&guard->vault, HERITAGE_SPARE_PIDFD, pidfd);
    guard->spare = (struct child){pid, pidfd, guard->heritage->id};
    log_event(LOG_SPARE_MADE, "pid=%d", (int)pid);
    return true;
}

// Watch a worker that an earlier guard made.
static void find_worker(struct guard *guard, uint64_t word)
{
    int pidfd = pidfd_open(lease_pid(word), 0);
    if (pidfd < 0 && errno != ESRCH)
        try_later(guard, "watch the worker");
    if (pidfd < 0)
        return;
    heritage_renew(&guard->vault, HERITAGE_WORKER_PIDFD, pidfd);
    guard->worker = (struct child){lease_pid(word), pidfd, 0};
    if (guard->vault.head->ending_until_ms)
        kill(guard->worker.pid, SIGUSR1);
}

void guard_make_worker(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    uint64_t seen = head->table;
    if (lease_is_alive(seen) && lease_pid(seen) != getpid()) {
        find_worker(guard, seen);
        return;
    }
    uint64_t mine = lease_take(&head->table, seen);
    if (!mine)
        return; // a worker of an earlier guard was faster; look again
    if (workers_phase(head) == WORKER_ENDED)
        return; // as its last act; nobody is to be served any more
    reload_prepare_worker(&guard->reload);
    remains_claim_poll(guard);
    sweep_descriptors(&guard->vault);
    workers_set_phase(head, WORKER_STARTING);
    int pidfd;
    pid_t pid = clone_sharing_table(&pidfd);
    if (pid == 0)
        role_become(ROLE_WORKER, mine);
    if (pid < 0) {
        try_later(guard, "make a worker");
        return;
    }
    head->workers_made++;
    heritage_renew(&guard->vault, HERITAGE_WORKER_PIDFD, pidfd);
    guard->worker = (struct child){pid, pidfd, 0};
    log_event(LOG_WORKER_MADE, "pid=%d", (int)pid);
}

bool guard_end_spare(struct guard *guard)
{
    if (guard->spare.pid > 0) {
        if (kill(guard->spare.pid, SIGKILL) < 0 && errno != ESRCH)
            return false;
        waitpid(guard->spare.pid, NULL, 0);
    }
    guard->spare = (struct child){0};
    return true;
}

bool guard_is_dead(const struct child *child)
{
    return child->pid > 0 && lease_has_died(child->pidfd);
}

void guard_end_child(const struct child *child)
{
    struct pollfd poll_fd = {.fd = child->pidfd, .events = POLLIN};
    pidfd_send_signal(child->pidfd, SIGKILL, NULL, 0);
    poll(&poll_fd, 1, END_MS);
}

bool guard_end_worker(struct guard *guard)
{
    if (guard->worker.pid > 0) {
        guard_end_child(&guard->worker);
        if (!guard_is_dead(&guard->worker))
            return false;
        remains_look(guard, guard->worker.pid);
    }
    guard->worker = (struct child){0};
    return true;
}
