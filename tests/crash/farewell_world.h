// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A newcomer without a seat (players/seats.h), and workers, which may die: in the end the newcomer
// has heard why, once and whole, and then a clean end; and nothing of it is left.
//
// Errors: cmocka assertions.
#ifndef STAYD_TESTS_CRASH_FAREWELL_WORLD_H
#define STAYD_TESTS_CRASH_FAREWELL_WORLD_H

#include "world.h"

void farewell_live(enum world_kind kind, struct trap *trap);

#endif
