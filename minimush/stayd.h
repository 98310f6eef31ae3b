// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How the game comes by its stayd: mush->stay, from the settings; and what is to be said about it.
//
// Errors: false after words on stderr.
#ifndef MINIMUSH_STAYD_H
#define MINIMUSH_STAYD_H

#include "mush.h"

// Opens libstay, which starts stayd, finds it, or after a reboot has it already.
bool stayd_open(struct mush *mush);

// Says on stderr which of them it was. Players can connect.
void stayd_say_how(const struct mush *mush);

// The same for what stayd has refused since, and for its restarts. Each is said once.
void stayd_say_refusals(struct mush *mush);
void stayd_say_restarts(struct mush *mush);

#endif
