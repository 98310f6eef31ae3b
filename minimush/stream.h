// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Links begin and end here.
//
// Errors: an error of the connection ends the link.
#ifndef MINIMUSH_STREAM_H
#define MINIMUSH_STREAM_H

#include "link.h"

// Takes the player over; fd -1: it gets no stream. NULL, the connection closed: no memory.
struct link *link_new(struct mush *mush, const struct stay_player *player);

// Frees it and closes the connection. Only for the turn's end and the game's.
void link_free(struct link *link);

#endif
