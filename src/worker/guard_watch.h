// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The worker's eye on the guard. When the guard dies the spare takes over, and the
// worker only looks who is guard now. When both are dead the worker makes a new
// guard out of itself; the lease (process/lease.h) lets only one become it.
//
// Errors: tried again on a timer.
#ifndef STAYD_WORKER_GUARD_WATCH_H
#define STAYD_WORKER_GUARD_WATCH_H

struct event;
struct worker;

// A part of struct worker.
struct guard_watch {
    struct event *death; // the guard's pidfd
    struct event *timer; // runs while no guard is known
    int pidfd;
    int candidate_pidfd; // the process we made to become guard; -1: none
};

void guard_watch_start(struct worker *worker);
void guard_watch_stop(struct guard_watch *watch);

#endif
