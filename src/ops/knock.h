// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who knocks at the control channel's socket: accepts, sees who it is, and refuses. In a turn of the
// loop no more than KNOCK_WORK is done, so that no local user takes players' time; who is refused
// again and again is closed without a word (patience.h). The listening socket itself is never left
// alone because of somebody: that would shut out those who may speak.
//
// Errors: shortage pauses accepting for a moment, and is logged.
#ifndef STAYD_OPS_KNOCK_H
#define STAYD_OPS_KNOCK_H

#include "ops/request.h"
#include "ops/task.h"
#include <event2/event.h>
#include <stdbool.h>

// In a turn of the loop: so many are refused, or a quarter as many let in.
#define KNOCK_WORK 8u

struct knock;

// Somebody is at the other end of fd. True: it is taken, and fd is the callee's. False: it was
// refused (knock_refuse).
typedef bool (*knock_fn)(void *arg, int fd, const struct task_asker *asker);

// The listening socket stays the caller's. NULL: no memory.
struct knock *knock_make(struct event_base *base, int listener_fd, knock_fn take, void *arg);
void knock_free(struct knock *knock);

// Now and then: if its timer could not be set, nobody would be accepted any more.
void knock_check(struct knock *knock);

// One line and the end; closes fd.
void knock_refuse(struct knock *knock, int fd, const struct task_asker *asker,
                  enum request_error error, const char *why);

#endif
