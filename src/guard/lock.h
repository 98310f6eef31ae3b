// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One stayd for a `control`: a locked file beside it. The lock belongs to the open file, which the
// shared table keeps open: it holds as long as guard, spare or worker lives. Who can read the file
// could hold the lock, too, so nobody else can.
//
// Errors: a line on stderr that says what is wrong, and -1 or false.
#ifndef STAYD_GUARD_LOCK_H
#define STAYD_GUARD_LOCK_H

#include "conf/conf.h"

// The locked file's descriptor, the caller's.
int lock_take(const struct conf *conf);

// Could it be taken now? Nothing is made or locked. One that is held is no mistake.
bool lock_check(const struct conf *conf);

// Is stayd running with this `control`?
bool lock_is_held(const struct conf *conf);

#endif
