// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Links after the game's death.
//
// Errors: a player that nobody knows any more finds itself at the connect screen.
#ifndef MINIMUSH_RESUME_H
#define MINIMUSH_RESUME_H

#include "link.h"

// n_lost: lines that had found no room in the link that stood for it.
void link_resume(struct mush *mush, const struct stay_player *player, unsigned n_lost);

// Wait for everybody who was playing and is not here yet.
void link_await_all(struct mush *mush);

// Leave with stayd what link_resume wants.
void link_leave_state(struct link *link);

#endif
