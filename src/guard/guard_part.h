// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the guard's own files share: its state, which is all worked out anew by the next guard.
// Not for others. Errors: as in guard.h.
#ifndef STAYD_GUARD_GUARD_PART_H
#define STAYD_GUARD_GUARD_PART_H

#include "guard/brake.h"
#include "guard/entries.h"
#include "guard/reload/reload.h"
#include "guard/store/store.h"
#include "guard/upgrade/trial.h"
#include "process/heritage.h"

#include <sys/types.h>

#define GUARD_RETRY_MS 1000u // after a failed clone

// The worker or the spare; an earlier guard may have made it.
struct child {
    pid_t pid; // 0: none
    int pidfd;
    uint32_t heritage; // of a spare: whose it has
};

struct guard {
    const struct heritage *heritage;
    struct vault vault;
    uint64_t word; // our own, in vault_head.guard
    struct child worker;
    struct child spare;
    pid_t dead; // a worker that is a zombie yet (remains.h); 0: none
    struct entries entries;
    struct reload reload;
    struct brake brake;
    struct store store;
    uint64_t retry_ms; // no clone before: the last one failed, or workers die too fast
    bool was_ready;    // some worker has been ready
    unsigned n_failed;
    // upgrade.c
    struct trial trial;
    bool is_tried; // the trial was good; what is next has to wait
    char program[VAULT_PATH_BYTES];
    // probation.c
    uint64_t ready_ms; // boottime since when the worker is ready; 0: it is not
    unsigned n_deaths;
};

// False: logged, and to be tried again.
bool guard_make_spare(struct guard *guard);

// False: it lives on.
bool guard_end_spare(struct guard *guard);

// Sweep up after the last worker, and clone another one; or watch the one that lives. Without
// success it is to be called again.
void guard_make_worker(struct guard *guard);

bool guard_is_dead(const struct child *child);

// SIGKILL, and wait until it is dead, a zombie. (Not for ever.)
void guard_end_child(const struct child *child);

// End the worker, if there is one. False: it lives on.
bool guard_end_worker(struct guard *guard);

// An orderly end: begin it, or hurry it; be done. And leave the connections to the service manager, as
// soon as that can be done.
void guard_begin_end(struct guard *guard);
void guard_finish(struct guard *guard, int status);
void guard_leave(struct guard *guard);

// A worker or an entry has died before it was ready. At the first start a few of them end it all.
void guard_count_failed(struct guard *guard, const char *how);

#endif
