// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Orders to reload, in the vault: numbered, so that an order is obeyed and answered whoever dies
// in between. The worker asks for somebody on the control channel (asked_for), the guard for a
// signal (asked_by_signal); only the guard answers. The last VAULT_ORDERS are remembered, so that
// the same request, made again with the next worker, gets the answer of the one reload.
//
// Errors: NULL when as many orders wait already.
#ifndef STAYD_VAULT_ASKED_H
#define STAYD_VAULT_ASKED_H

#include "vault/layout.h"

enum asked_result {
    ASKED_WAITS,
    ASKED_GOOD, // what was read is in force
    ASKED_BAD,  // nothing has changed
};

// A line of an answer's text begins with one of these.
#define ASKED_WRONG '!'
#define ASKED_REMARK '-'

// The order of this token (not 0), a new one if there is none. Only the worker calls it.
const struct vault_order *asked_for(struct vault_head *head, uint64_t token);

void asked_by_signal(struct vault_head *head);

// The number of the last order that waits for an answer; 0: none does.
uint64_t asked_pending(const struct vault_head *head);

// Answer all orders up to this one. The text is cut at a line's end if it is too long.
void asked_answer(struct vault_head *head, uint64_t number, enum asked_result result,
                  const char *text);

#endif
