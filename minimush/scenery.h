// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a new world has in it: a harbour town to walk through. Errors: none; it is text.
#ifndef MINIMUSH_SCENERY_H
#define MINIMUSH_SCENERY_H

// For the tables of schema.c.
extern const char scenery_sql[];

#endif
