// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The worker's side of the queues: players whom entries hand over (vault/handover.h) get their slots. A few
// in a turn of the loop, so that a crowd of newcomers does not keep those who are in waiting.
//
// Whose message has been looked at in two crashes is thrown away unread.
//
// Errors: a message that is not whole is logged and thrown away; what is short is waited for, and the
// message stays where it is.
#ifndef STAYD_WORKER_INBOX_H
#define STAYD_WORKER_INBOX_H

#include "players/players.h"

struct inbox;

// NULL: no memory.
struct inbox *inbox_make(struct players *players);
void inbox_free(struct inbox *inbox);

// Entries may have come or gone: read the queues that there are, unless this is the end, or this
// program is on probation: slots may then only lose descriptors (guard/upgrade/probation.h).
void inbox_look(struct inbox *inbox);

#endif
