// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// GMCP, as far as a small game needs it: Core.Hello, Core.Supports, Core.Ping are understood,
// Room.Info is sent to programs that support Room.
//
// Errors: what is not understood is passed over.
#ifndef MINIMUSH_GMCP_H
#define MINIMUSH_GMCP_H

#include "link.h"

// A message, "Package.Message JSON"; it may be changed.
void gmcp_take(struct link *link, char *message);

// Where the player is now.
void gmcp_send_room(struct link *link);

#endif
