// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The items that `status`, `list` and `held` answer with, and upgrade's end (doc/PROTOCOL.control):
// what the worker knows, put into lines.
//
// Errors: none.
#ifndef STAYD_OPS_SHOW_H
#define STAYD_OPS_SHOW_H

#include "entry/page.h"
#include "ops/answer.h"
#include "players/players.h"

void show_stayd(struct answer *answer, const char *id, const struct players *players);
void show_game(struct answer *answer, const char *id, struct players *players, unsigned game);

// The end of `upgrade`, which is over.
void show_upgrade(struct answer *answer, const char *id, const struct vault_upgrade *note);
// A certificate that the entry serves.
void show_certificate(struct answer *answer, const char *id, const struct players *players,
                      const struct page_certificate *certificate);

// The i-th network of these that was not let in lately. False: there is none.
bool show_limited(struct answer *answer, const char *id, const struct refusals *refusals,
                  unsigned i);

// A live slot, for `list` and for `held`.
void show_player(struct answer *answer, const char *id, const struct players *players,
                 const struct slot *slot);
void show_held(struct answer *answer, const char *id, const struct slot *slot);

#endif
