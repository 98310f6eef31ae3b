// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Channels. Errors: they are told.
#ifndef MINIMUSH_CHANNEL_H
#define MINIMUSH_CHANNEL_H

#include "link.h"

// "+NAME TEXT" without its sign.
void channel_say(struct link *link, char *line);

#endif
