// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the cases share: a vault in the program's own memory, of eight slots.
#ifndef STAYD_PROOF_CASES_H
#define STAYD_PROOF_CASES_H

#include "watch.h"

#include "vault/slot.h"
#include "vault/vault.h"

extern struct vault the_vault;

// What the program has set up with sigaction(2), and with libevent to be called when there is something to read.
extern void (*the_handler)(int);
extern void (*the_callback)(int fd, short what, void *arg);
extern void *the_argument;

// A live slot with empty flows.
struct slot *a_slot(uint32_t index);

#endif
