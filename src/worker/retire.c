// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Retiring (retire.h).
#include "worker/retire.h"

#include "entry/handshake.h"
#include "process/lease.h"
#include "vault/workers.h"
#include "worker/worker.h"

#include <unistd.h>

#define HANDSHAKES_LOOK_MS 5 // while some have not ended

static void go_on(evutil_socket_t fd, short what, void *arg)
{
    struct worker *worker = arg;
    struct timeval again = {.tv_usec = HANDSHAKES_LOOK_MS * 1000};
    (void)fd;
    (void)what;
    if (worker->players.is_ending)
        return;
    // Without a guard nobody would be left; guard_watch.c is making one.
    bool is_done =
        handshakes_count(worker->handshakes) == 0 && lease_is_alive(worker->vault.head->guard);
    if (!is_done &&
        event_base_once(worker->players.base, -1, EV_TIMEOUT, go_on, worker, &again) == 0)
        return;
    worker->vault.head->reload.leaving = (uint32_t)getpid();
    _exit(0);
}

void retire_look(struct worker *worker)
{
    uint32_t wanted = worker->vault.head->reload.wanted_heritage;
    if (wanted == worker->players.heritage->id || worker->players.is_ending || worker->is_retiring)
        return;
    worker->is_retiring = true;
    workers_set_phase(worker->vault.head, WORKER_RETIRING);
    worker_close_door(worker);
    go_on(-1, 0, worker);
}
