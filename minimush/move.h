// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From room to room. Errors: they are told.
#ifndef MINIMUSH_MOVE_H
#define MINIMUSH_MOVE_H

#include "link.h"

void move_by(struct link *link, struct object *exit);

#endif
