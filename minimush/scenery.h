// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The world's tables, and the few rooms that a new world has. Errors: none; it is text.
#ifndef MINIMUSH_SCENERY_H
#define MINIMUSH_SCENERY_H

// Makes what is missing and leaves alone what is there.
extern const char scenery_sql[];

#endif
