// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the socket to play_line.
//
// Errors: none.
#ifndef MINIMUSH_INPUT_H
#define MINIMUSH_INPUT_H

#include "link.h"

// The stream has bytes.
void link_read(struct link *link);

// Do the lines that are there, as many as may be done now.
void link_work(struct link *link);

#endif
