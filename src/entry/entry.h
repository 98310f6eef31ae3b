// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The way in, as a whole: it accepts players, shakes hands with those who speak TLS, and hands
// them on as plain data. It knows neither vault nor slots, and has a page of its own to say how it is.
//
//   entry_make: READY ──HANDOVER_OPEN──▶ OPEN ──HANDOVER_RETIRE──▶ RETIRING: handshakes and what was
//                                                       refused end, what has come is handed on
//                                                         └─▶ setup.over
//
// Without anybody who could take players it is over at once. Usually an entry is a process of its own
// (entry/run.h).
//
// Errors: NULL, said in the log.
#ifndef STAYD_ENTRY_ENTRY_H
#define STAYD_ENTRY_ENTRY_H

#include "entry/accept.h"
#include "entry/certs.h"
#include "entry/page.h"

struct entry;

struct entry_setup {
    struct event_base *base;
    const struct conf *conf;
    struct certs *const *certs; // by index of conf's listeners; NULL: a plain one
    const struct accept_socket *sockets;
    unsigned n_sockets;
    int sending; // the queue's other end (vault/handover.h), the caller's
    struct entry_page *page;
    const struct vault_view *view;
    void (*over)(void *arg); // it has retired, or nobody is there any more
    void *arg;
};

struct entry *entry_make(const struct entry_setup *setup);

// Ends what is under way.
void entry_free(struct entry *entry);

#endif
