// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What is to be seen. Errors: none.
#ifndef MINIMUSH_LOOK_H
#define MINIMUSH_LOOK_H

#include "link.h"

// The room that the player is in.
void look_around(struct link *link);

#endif
