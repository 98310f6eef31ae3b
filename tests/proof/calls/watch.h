// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Looks for changes of a running stayd's vault: of its head, and of the slots that are reserved.
#ifndef PROOF_CALLS_WATCH_H
#define PROOF_CALLS_WATCH_H

#include <stdbool.h>
#include <sys/types.h>

struct watch; // how the vault was when it was looked at

// The vault of this process. False: it has none.
bool watch_begin(pid_t pid);

struct watch *watch_make(void);
void watch_free(struct watch *watch);

void watch_note(struct watch *watch);

// Is it another than when it was noted? Then it is noted anew.
bool watch_look(struct watch *watch);

#endif
