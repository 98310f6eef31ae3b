// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A crashing worker writes the signal into the vault, because the guard that
// finds it dead need not be its parent and so cannot ask the kernel how it died.
// SIGKILL and SIGBUS leave no note: they are nobody's fault that was being served.
//
// Errors: none.
#ifndef STAYD_WORKER_DEATH_NOTE_H
#define STAYD_WORKER_DEATH_NOTE_H

#include "vault/layout.h"

void death_note_prepare(struct vault_head *head);

#endif
