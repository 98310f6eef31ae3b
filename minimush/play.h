// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a line means. Errors: they are told.
#ifndef MINIMUSH_PLAY_H
#define MINIMUSH_PLAY_H

#include "link.h"

// One line, which may be changed. The link may be leaving afterwards, never freed.
void play_line(struct link *link, char *line);

#endif
