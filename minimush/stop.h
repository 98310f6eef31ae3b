// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The orders to end the game and to reboot it: an admin's, by a signal or a command.
//
// Errors: none.
#ifndef MINIMUSH_STOP_H
#define MINIMUSH_STOP_H

#include "mush.h"

// Begin the orderly end: everybody is told and let out, or with shutdown-holds kept for the next
// start; then game_run returns.
void mush_stop(struct mush *mush, const char *by);

// Reboot as soon as this turn of the loop is over.
void mush_reboot(struct mush *mush, const char *by);

#endif
