// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A folder for a test of minimush, and the world in it.
//
// Errors: cmocka assertions.
#ifndef STAYD_TESTS_MINIMUSH_FOLDER_H
#define STAYD_TESTS_MINIMUSH_FOLDER_H

#include "world.h"

// For cmocka: before and after a test.
int folder_make(void **state);
int folder_remove(void **state);

// The path of a file in the folder; until the next call.
const char *folder_path(const char *name);

struct world *folder_open_world(void);

// Commits what is open, first.
void folder_close_world(struct world *world);

#endif
