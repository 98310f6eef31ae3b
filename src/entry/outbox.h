// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players who have come, on their way to the worker: each is one message (vault/handover.h). What
// cannot be sent now, because the worker does not read or too many descriptors are in flight, is kept
// and tried again; meanwhile nobody new is to be accepted, so that it stays a few.
//
// Errors: as each says.
#ifndef STAYD_ENTRY_OUTBOX_H
#define STAYD_ENTRY_OUTBOX_H

#include "vault/arrival.h"
#include <event2/event.h>
#include <stdbool.h>

struct outbox;

struct outbox_setup {
    struct event_base *base;
    int sending;              // the outbox does not close it
    void (*flows)(void *arg); // nothing waits any more
    void *arg;
};

// NULL: no memory.
struct outbox *outbox_make(const struct outbox_setup *setup);

// Closes what was not sent.
void outbox_free(struct outbox *outbox);

// Takes fd over. False: no memory; fd is the caller's.
bool outbox_put(struct outbox *outbox, const struct arrival *arrival, int fd);

// Now and then: if its timer could not be set, what waits would wait for ever.
void outbox_check(struct outbox *outbox);

// How many wait.
unsigned outbox_count(const struct outbox *outbox);

#endif
