// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A request on its way through the worker: whether this asker may, the orders (players/orders.h),
// the answer. Done in steps of bounded work, so that a list of 100,000 players keeps nobody
// waiting; between two steps anything can happen to players.
//
// Errors: in the answer. An answer that could not be written whole for want of memory: is_torn;
// nothing can then be said on this connection any more.
#ifndef STAYD_OPS_TASK_H
#define STAYD_OPS_TASK_H

#include "ops/request.h"
#include "players/players.h"
#include <event2/buffer.h>
#include <sys/types.h>

// No step writes more than this.
#define TASK_STEP_BYTES (64u * 4096u)

// Who asks, as the kernel says (SO_PEERCRED, unix(7)).
struct task_asker {
    uid_t uid;
    pid_t pid;     // 0: a process that cannot be seen from here
    bool is_admin; // root, or stayd's own user
};

struct task {
    struct request request;
    struct task_asker asker;
    struct evbuffer *out; // the caller's
    bool is_torn;
    bool waits;        // it is not done because of others; to be gone on with a little later
    bool is_connector; // what the peer says from now on is for players/connector.h
    // How far it is.
    bool has_begun;
    unsigned game;            // that the request names; TASK_ALL_GAMES: all, or none is named
    uint32_t next;            // what the next step begins with: a slot, a pair, an item
    uint32_t n_done;          // players told
    uint32_t n_gone;          // connections that are not there
    uint32_t n_short;         // players without room
    enum request_error error; // the first one of a pair, for the end
};

#define TASK_ALL_GAMES UINT32_MAX

// The request has been parsed, well or not: make it new.
void task_begin(struct task *task);

// Write a line of the answer.
struct answer;
void task_put(struct task *task, const struct answer *answer);

// Write the end of the answer: ok, or an error. Returns true, as a step does that is the last one.
bool task_end_well(struct task *task);
bool task_end_error(struct task *task, enum request_error error, const char *why);

// Does some of it. True: the end of the answer is written. False: go on, at once unless it waits.
bool task_step(struct task *task, struct players *players);

#endif
