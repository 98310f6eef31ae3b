// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The reboot: the game becomes its own program anew, and its players with it.
//
// Errors: everybody is told why there was none, and the game goes on.
#ifndef MINIMUSH_REBOOT_H
#define MINIMUSH_REBOOT_H

#include "mush.h"

// Comes back only if there was no reboot.
void reboot_now(struct mush *mush);

// Read the game's own state after a reboot: when it was started first, how often it has rebooted.
void reboot_take_state(struct mush *mush);

#endif
