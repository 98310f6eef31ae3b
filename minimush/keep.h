// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Links through the game's own reboot.
//
// Errors: a player that cannot be noted or restored is logged.
#ifndef MINIMUSH_KEEP_H
#define MINIMUSH_KEEP_H

#include "link.h"

// Note the player, with all that must not be lost. The turn's end has been.
bool link_keep(struct link *link);

// The player as it was noted, a link again.
void link_restore(struct mush *mush, const struct stay_player *player);

#endif
