// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The process that serves the players, and may die at any instruction. Its heap (this struct and
// what hangs on it) holds only what can be made again; start is recovery.
//
// Errors: worker_run ends the process.
#ifndef STAYD_WORKER_WORKER_H
#define STAYD_WORKER_WORKER_H

#include "players/players.h"
#include "worker/guard_watch.h"

struct control;
struct inbox;
struct alone;

struct worker {
    struct vault vault; // as this process has it mapped
    struct players players;
    struct inbox *inbox;
    struct alone *alone; // NULL, but with --alone
    struct control *control;
    struct event *signals;
    struct guard_watch guard_watch;
};

// A role (process/role.h). Take up what the vault holds, then serve until killed or the orderly end
// is complete (exit status 0). `expected` is the table's word that this process may replace; if
// another one was faster, it ends at once.
void worker_run(struct heritage *heritage, uint64_t expected);

// Begin an orderly end, or go on with it, if the vault says that it is time.
void worker_look_for_end(struct worker *worker);

// What makes serving impossible is logged with errno; the guard tries again.
_Noreturn void worker_give_up(const char *what);

// In a copy of the process that is no worker any more: free its heap. Descriptors
// are the living worker's and stay open, so the event loop is left as it lies.
void worker_forget(struct worker *worker);

#endif
