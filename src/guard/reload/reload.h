// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reload: what is served becomes another, while it runs.
//
//   SIGHUP, or an order in the vault           certificates' files have changed (watch.h)
//      └───────────────────┬───────────────────────────┘
//                          ▼
//          a rehearsal (rehearsal.h) reads configuration and certificates
//          not good: said, in the log and to who asked; nothing changes
//          good: take_fresh
//                          ├─▶ always: a new entry is made, the one before retires (guard/entries.h)
//                          └─▶ if the configuration is another: read it here, open new sockets, claim
//                              old and new ones, put the new heritage into the old one's place;
//                              spare and worker, who have another heritage's id, are replaced (guard.c)
//                              by clones that have the new one: start is recovery
//
// The next order waits until what this one wanted is served, or has not come within
// RELOAD_PATIENCE_MS; orders that come meanwhile are obeyed as one.
//
// Whatever comes of it, the log's file is opened anew first (log_file.h), once an order.
//
// At any instruction: a successor has the old heritage or the new one, and every order that was
// not answered. With the old one it obeys the order again; with the new one it goes on. Which of
// the two a worker has, the vault says; one that differs from the guard's is replaced. No process
// that could become guard has the old heritage any more when the first worker with the new one is
// made (I21).
//
// Errors: an answer, a line in the log, and the heritage as it was.
#ifndef STAYD_GUARD_RELOAD_RELOAD_H
#define STAYD_GUARD_RELOAD_RELOAD_H

#include "conf/align.h"
#include "guard/log_file.h"
#include "guard/reload/rehearsal.h"
#include "guard/reload/watch.h"
#include "process/heritage.h"

enum reload_kind { RELOAD_ALL, RELOAD_CERTIFICATES };

struct reload {
    struct heritage *heritage; // the guard's own
    enum reload_kind kind;     // what the rehearsal reads
    uint64_t number;           // ... and up to which order it obeys
    uint64_t stamp;            // ... and of which files
    struct conf_use use;       // ... and what slots name
    struct rehearsal rehearsal;
    struct watch watch;
    uint64_t closed_ms; // since when an answer waits for the entry that is to serve
    uint64_t log_order; // the last order for which the log's file was opened anew
    char log_remark[LOG_FILE_REMARK_BYTES];
};

#define RELOAD_PATIENCE_MS 15000u // for the new entry to be open, before an order is answered

// Which indices slots, and entries that retire, name now.
void reload_look_at_use(const struct vault *vault, struct conf_use *use);

// The signal that orders a reload was received. Only counts; for a signal handler.
void reload_note_signal(int signal_number);

// Go on with what there is to do. has_worker: one lives; is_open: players are accepted by what the
// heritage says, and by nothing else. May change the heritage.
void reload_step(struct reload *reload, bool has_worker, bool is_open, uint64_t now_ms);

// Is the present worker of another heritage, or are there sockets to be swept up?
bool reload_is_due(const struct reload *reload);

// End the worker, for which it is due.
void reload_end_worker(const struct reload *reload, pid_t worker);

// Before a worker of this heritage is cloned, by who holds the table; then the sweep follows.
void reload_prepare_worker(struct reload *reload);

// Is one under way? It and an upgrade exclude each other. Ordered: somebody has asked for it, and
// it is not only that certificates' files have changed.
bool reload_is_under_way(const struct reload *reload);
bool reload_is_ordered(const struct reload *reload);

// When to call reload_step again at the latest; ms from now.
int reload_sleep_ms(const struct reload *reload, uint64_t now_ms);

// Something that is readable when there is something to do, or -1.
int reload_fd(const struct reload *reload);

#endif
