// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// SIGTERM, SIGINT and SIGHUP end the game in order, SIGUSR1 reboots it.
//
// Errors: false, no memory.
#ifndef MINIMUSH_SIGNALS_H
#define MINIMUSH_SIGNALS_H

#include "mush.h"

bool signals_watch(struct mush *mush);

// Let them wait, or come. The mask goes through exec, handlers do not: a signal that comes while
// the game reboots waits for the new program's handler instead of killing it.
void signals_hold(bool is_held);

#endif
