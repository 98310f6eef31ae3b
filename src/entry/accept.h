// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Accepting players on the listening sockets that the guard has bound. A plain
// player gets its slot at once, a TLS player first goes through its handshake.
// Who is not to be let in is accepted, too, told so, and closed (gate.h). Only when
// descriptors or memory run short, or a crowd is in the middle of its handshakes, accepting
// pauses; players wait in the kernel's backlog.
//
// Errors: logged; accept itself never ends the process.
#ifndef STAYD_ENTRY_ACCEPT_H
#define STAYD_ENTRY_ACCEPT_H

#include "entry/handshake.h"
#include "process/heritage.h"
#include <stdbool.h>

struct accepting;

// Can a player be taken? False, with errno; ENOBUFS: max-players are connected.
typedef bool accepting_room_fn(void *arg);

struct accepting_setup {
    struct event_base *base;
    const struct heritage *heritage;
    struct handshakes *handshakes;
    struct gate *gate;
    struct lingering *lingering;
    handshake_take_fn *take;     // for plain players
    accepting_room_fn *has_room; // for another player
    void *arg;
};

// NULL without memory.
struct accepting *accepting_make(const struct accepting_setup *setup);
void accepting_free(struct accepting *accepting);

// There may be room again, or less: a handshake or a player has ended.
void accepting_room(struct accepting *accepting);

// Now and then: if its timer could not be set, accepting would be paused for ever.
void accepting_check(struct accepting *accepting);

#endif
