// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The new program's part of an upgrade (upgrade.h): it is run once on trial, with a
// likeness of the vault alone (vault/likeness.h), and then executed in the guard's place, with all
// descriptors that slots and guard claim.
//
// Errors: on trial, words on standard error and an exit status; in earnest, words in the vault, and
// the end of the process, after which the old program goes on.
#ifndef STAYD_GUARD_UPGRADE_ADOPT_H
#define STAYD_GUARD_UPGRADE_ADOPT_H

#include "process/heritage.h"

// Could this program go on from here? Changes nothing. Returns the exit status.
int adopt_try(struct heritage *heritage, const char *baton, const char *conf);

// What of it a start from the store has to do as well (restore.h). `map`: vault_map, or
// vault_map_to_look.
bool adopt_map_vault(struct vault *vault, int fd, int map(struct vault *, int), FILE *words);

// Listeners and games to the indices that they have in `names`: a reload may have made them others
// than the file's order.
bool adopt_align(struct heritage *heritage, const struct conf *names, FILE *words);

// Each address of the configuration's listeners has its socket at the place that the baton names.
// False: it does not.
bool adopt_take_sockets(struct heritage *heritage, const char *places);

// Fill the heritage. Returns the guard's word, for guard_adopt.
uint64_t adopt_prepare(struct heritage *heritage, const char *baton, const char *conf);

#endif
