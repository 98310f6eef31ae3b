// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Start with the connections that the service manager has stored (store.h): stayd was restarted, or
// all its processes have died at once.
//
//   restore_look -> the guard's crate: vault, lock, control socket, listening sockets, baton
//   restore_align: listeners and games of the file to the numbers by which slots name them
//   (start.h uses what of it the file still wants)
//   restore_slots -> the slots' crates: each slot's descriptors, by what lies beside them
//
// Nothing is taken out of the store before the next guard puts it there anew. So a start that
// fails, or is killed, is followed by another one that finds the same.
//
// Errors: said on stderr, and false.
#ifndef STAYD_GUARD_STORE_RESTORE_H
#define STAYD_GUARD_STORE_RESTORE_H

#include "process/heritage.h"

// What there was: a heritage as far as it can be known. conf has `control`, names, and addresses.
struct stored {
    bool is_there;
    struct heritage before;
};

// Look for what was passed to this process; all other descriptors but the standard ones are closed.
// Nothing there, or nothing that can be used, which is said: stored->is_there is false.
void restore_look(struct stored *stored);

// heritage->vault is the stored one, too, after it.
bool restore_align(struct heritage *heritage, const struct stored *stored);

// Each slot has its descriptors in this table. Who has none, or whose game is not in the file any
// more, is let go. The places of guard, spare and worker are nobody's after it.
bool restore_slots(const struct heritage *heritage, const struct stored *stored);

#endif
