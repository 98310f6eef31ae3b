// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The guard's care for the entries (entry/run.h): one of the wanted edition accepts players; it is made
// anew when it dies. When something else is to be served (vault_want_entry), another one is made and opened,
// and the one before retires: both have the same listening sockets, so nobody waits.
//
//   no entry of the wanted edition ──▶ make: claim queue, page and wallet; clone; exec
//   it is ready, the table is in force, the worker serves ──▶ it is told to open
//   it is open ──▶ those of other editions are told to retire
//   it is dead ──▶ what it was doing is noted (obituary.h); the worker reads its queue to the end;
//                  then the place is free
//
// An entry ends by itself when nobody has its queue any more: when guard, spare and worker are dead.
// To end one whose process is not known, its queue is shut.
//
// Errors: logged, and tried again.
#ifndef STAYD_GUARD_ENTRIES_H
#define STAYD_GUARD_ENTRIES_H

#include "guard/brake.h"
#include "vault/layout.h"

#include <stdbool.h>
#include <sys/types.h>

#ifndef ENTRY_READY_MS
#define ENTRY_READY_MS 30000u // to load its certificates
#endif
#define ENTRY_HANG_MS 30000u // without a beat of its loop

struct guard;

// In struct guard; worked out anew by the next one.
struct entries {
    struct {
        uint64_t serial; // of the entry that the rest is about
        uint64_t since_ms;
        uint64_t beats;
        uint64_t beat_ms;
        uint64_t look_ms;
        bool was_ready;
        bool was_open;
    } seen[VAULT_ENTRIES];
    struct brake brake;
    unsigned n_failed; // in succession, that were never open
    uint64_t retry_ms; // no entry before: the last one failed, or they die too fast
    uint64_t leave_ms; // since when nobody is to be let in; 0: not
    bool is_loud;      // what is wrong with certificates has not been said yet
};

// This process is guard now.
void entries_begin(struct guard *guard);

void entries_step(struct guard *guard, uint64_t now_ms);

// When to step again at the latest, ms from now; -1: not because of this. And what is readable when the
// entry at this place has died; -1: nothing.
int entries_sleep_ms(const struct guard *guard, uint64_t now_ms);
int entries_fd(const struct guard *guard, unsigned place);

// Session tickets' keys are made anew in time, and shown to entries; and when that is due.
void entries_show(struct guard *guard, uint64_t now_ms);
int entries_show_ms(const struct guard *guard, uint64_t now_ms);

// Is an entry of the wanted edition there, with its certificates? Are players accepted by it?
bool entries_is_ready(const struct guard *guard);
bool entries_is_open(const struct guard *guard);
// ... and by no other any more? Before, a newcomer may still meet the one of before.
bool entries_have_changed(const struct guard *guard);

// An orderly end has begun: nobody is let in any more.
void entries_end(const struct guard *guard);

// Whatever they do: they are to be gone when the guard is.
void entries_kill(const struct guard *guard);

// Nobody is to be let in any more; who has come is to be served. False: that is not done yet.
bool entries_leave(struct guard *guard, uint64_t now_ms);
void entries_stay(struct guard *guard);

#endif
