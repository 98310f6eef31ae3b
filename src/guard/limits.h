// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How many players and handshakes RLIMIT_NOFILE has room for (getrlimit(2)).
//
// Errors: as each says.
#ifndef STAYD_GUARD_LIMITS_H
#define STAYD_GUARD_LIMITS_H

#include "conf/conf.h"
#include <stdint.h>
#include <stdio.h>

// Raise the limit for max-players; *n_seats: for how many players it is enough. False, said on
// stderr: it is too low for any.
bool limits_fit_players(const struct conf *conf, uint32_t *n_seats);

// See that so many handshakes can be under way in an entry: raise RLIMIT_NOFILE for them, or remark how
// many it allows.
void limits_fit_handshakes(struct conf *conf, FILE *remarks);

#endif
