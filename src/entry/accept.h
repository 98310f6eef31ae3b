// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Accepting players on the listening sockets that the guard has bound. A plain
// player is handed on at once, a TLS player first goes through its handshake.
// Who is not to be let in is accepted, too, told so, and closed (gate.h). Only when
// descriptors run short, the worker does not take who is handed on, or a crowd is in the middle of
// its handshakes, accepting pauses; players wait in the kernel's backlog.
//
// Errors: logged; accept itself never ends the process.
#ifndef STAYD_ENTRY_ACCEPT_H
#define STAYD_ENTRY_ACCEPT_H

#include "entry/handshake.h"
#include <stdbool.h>

struct accepting;

struct accept_socket {
    int fd;
    uint16_t listener; // index, as the slots have it
    const struct conf_listener *conf;
    const struct certs *certs; // NULL: plain
};
#define ACCEPT_MAX_SOCKETS 128u

struct accepting_setup {
    struct event_base *base;
    const struct accept_socket *sockets;
    unsigned n_sockets;
    struct handshakes *handshakes;
    struct gate *gate;
    struct lingering *lingering;
    struct outbox *outbox;
    const struct vault_view *view; // who is a suspect
};

// NULL without memory.
struct accepting *accepting_make(const struct accepting_setup *setup);
void accepting_free(struct accepting *accepting);

// There may be room again, or less: a handshake has ended, or the outbox flows.
void accepting_room(struct accepting *accepting);

// Now and then: if its timer could not be set, accepting would be paused for ever.
void accepting_check(struct accepting *accepting);

#endif
