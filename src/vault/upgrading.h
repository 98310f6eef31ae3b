// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The note of an upgrade in the vault: who has asked for it, how far it is, how it ended.
//
//            trial is good          worker has stayed alive
//   TRIAL ------------------> PROBATION ------------------> GOOD
//     |  upgrading_end            |  the new program fails, or is late
//     +-------> REFUSED           +-------------------------> BACK
//
// The worker writes orders, the guard all else; either may be killed at any store, and an order is
// then found taken up, or not. A repeated order (its token) is the same upgrade.
//
// Errors: none.
#ifndef STAYD_VAULT_UPGRADING_H
#define STAYD_VAULT_UPGRADING_H

#include "vault/layout.h"
#include <stdbool.h>

enum upgrading_answer {
    UPGRADING_ASKED,   // the order stands there, and no guard has taken it up: wake the guard
    UPGRADING_RUNS,    // wait
    UPGRADING_DONE,    // its phase says how it ended
    UPGRADING_ANOTHER, // somebody else's is under way
};

// The control channel's order, or a repetition of it. token: not 0; path: shorter than
// VAULT_PATH_BYTES.
enum upgrading_answer upgrading_ask(struct vault_head *head, uint32_t token, const char *path);

// Does an order stand there that no guard has taken up?
bool upgrading_is_asked(const struct vault_head *head);

// The guard begins: takes up the order that stands there, if there is one. `path` is then what was
// asked for, otherwise "".
void upgrading_begin(struct vault_head *head, const char *from, char path[VAULT_PATH_BYTES]);

// `why` may be NULL: as it stands there.
void upgrading_set(struct vault_head *head, enum upgrade_phase phase, const char *why);
void upgrading_say(char *field, size_t n_field, const char *text);

bool upgrading_is_under_way(const struct vault_head *head);
const char *upgrading_word(enum upgrade_phase phase);

#endif
