// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the player means by a name. NULL: nothing, or more than one thing; the player has been told.
#ifndef MINIMUSH_MATCH_H
#define MINIMUSH_MATCH_H

#include "link.h"

// "me", "here", "#12", "*NAME" (a player anywhere), or something in the room or in hand.
struct object *match_any(struct link *link, const char *name);

// The same; it must be the player's to change.
struct object *match_own(struct link *link, const char *name);

// In hand; here and no exit.
struct object *match_held(struct link *link, const char *name);
struct object *match_here(struct link *link, const char *name);

#endif
