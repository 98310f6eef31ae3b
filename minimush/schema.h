// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The tables of world.db, and the way from older ones. PRAGMA user_version says which version
// a file has; each step goes from one version to the next, in one transaction.
//
// Errors: false, words on stderr; the file is then as it was.
#ifndef MINIMUSH_SCHEMA_H
#define MINIMUSH_SCHEMA_H

#include "db.h"

#define SCHEMA_VERSION 2

// Bring the file to SCHEMA_VERSION, with the starting world if it is new.
bool schema_update(struct db *db);

#endif
