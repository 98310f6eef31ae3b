// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The running game: one event loop.
//
// Errors: while starting, false after words on stderr. Later nothing here fails but single links.
#ifndef MINIMUSH_GAME_H
#define MINIMUSH_GAME_H

#include "mush.h"

// Start with what settings say: takes up the players after a reboot, else starts stayd.
bool game_start(struct mush *mush, struct settings *settings, char *program);

// Serve until the game is stopped.
void game_run(struct mush *mush);

void game_free(struct mush *mush);

#endif
