// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Takes what stayd hands out: libstay has events for us (stay_fd).
//
// Errors: none.
#ifndef MINIMUSH_DOOR_H
#define MINIMUSH_DOOR_H

#include "mush.h"

// Take all players that have come.
void door_serve(struct mush *mush);

#endif
