// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the game agrees on with the player's program: window size, type, character set, no echo
// while a password is typed, GMCP.
//
// Errors: none; what a program gets wrong is passed over.
#ifndef MINIMUSH_TERMINAL_H
#define MINIMUSH_TERMINAL_H

#include "link.h"

// The first word of telnet to a player. Before its program has answered, nothing more is said.
void terminal_invite(struct link *link);

// The player's program has said something.
void terminal_take(struct link *link, enum telnet_event event);

// What is typed is not to be shown, or is again. Without effect for who speaks no telnet.
void terminal_hide(struct link *link, bool is_hidden);
bool terminal_hides(const struct link *link);

// "utf-8" or "latin-1". False: another one.
bool terminal_set_charset(struct link *link, const char *name);

#endif
