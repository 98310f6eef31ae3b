// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A crashing worker writes the signal into the vault, and a crashing entry into its page, because the
// guard that finds it dead need not be its parent and so cannot ask the kernel how it died;
// and the calls that it was in, as addresses for addr2line(1).
// SIGKILL and SIGBUS leave no note: they are nobody's fault that was being served.
//
// Errors: none.
#ifndef STAYD_PROCESS_DEATH_NOTE_H
#define STAYD_PROCESS_DEATH_NOTE_H

#include "vault/layout.h"

// Once, before anything is cloned: what walks the stack loads a library when it is first used
// (backtrace(3)), which is nothing for a signal handler.
void death_note_load(void);

void death_note_prepare(struct death_note *note);

#endif
