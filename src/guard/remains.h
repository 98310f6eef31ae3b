// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What of a dead worker takes long to clear away: its epoll, with which every socket is
// registered, and, if somebody has listed its descriptors in /proc, its process entry. With 9,500
// players that is 20 to 30 ms each, so the next worker is made first, and they are cleared away
// when it serves. A guard that dies meanwhile leaves the epoll to the next one, by its claim.
//
// Errors: none.
#ifndef STAYD_GUARD_REMAINS_H
#define STAYD_GUARD_REMAINS_H

#include "guard/guard_part.h"

// The wait status of a worker that has died, which stays a zombie; -1: it is not our child.
int remains_look(struct guard *guard, pid_t worker);

// By a new program's guard: the old one's worker is a zombie, and its child.
void remains_inherit(struct guard *guard);

// Before a sweep: a dead worker's epoll is claimed until it is cleared away.
void remains_claim_poll(struct guard *guard);

bool remains_exist(const struct guard *guard);
void remains_clear(struct guard *guard);

#endif
