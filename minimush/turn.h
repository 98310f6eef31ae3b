// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The end of a turn of the event loop: what the turn has changed and what it has to say becomes
// one transaction, and only after its COMMIT is anything said or acknowledged.
//
// Errors: db.h's.
#ifndef MINIMUSH_TURN_H
#define MINIMUSH_TURN_H

#include "mush.h"

// Commit, then send and acknowledge.
void turn_commit(struct mush *mush);

// The same, as long as there is something, and then links that are gone are freed.
void turn_end(struct mush *mush);

#endif
