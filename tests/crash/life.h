// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player's whole life in the world of a crash test: it comes, speaks, changes keys, hears, loses
// its game and finds it again, and closes; while workers may die, which nobody may notice.
//
// Errors: cmocka assertions.
#ifndef STAYD_TESTS_CRASH_LIFE_H
#define STAYD_TESTS_CRASH_LIFE_H

#include "world.h"

#define LIFE_TEXT 60000u

// How many bytes the player says; the game says as many in all.
struct life_sizes {
    size_t few;
    size_t fewer;
    size_t part[3];
};
extern const struct life_sizes life_long;  // as much as fills records and chunks
extern const struct life_sizes life_brief; // so that there are few states

void life_init(void);
void life_live(struct world *world, const struct life_sizes *sizes);

// The player types, and workers work.
void life_player_types(struct world *world, const char *text);

#endif
