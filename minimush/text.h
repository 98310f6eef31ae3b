// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Cutting what a player has typed. Errors: none.
#ifndef MINIMUSH_TEXT_H
#define MINIMUSH_TEXT_H

// Without the spaces around it; it is cut at its end. Returns its beginning.
char *text_trim(char *text);

// Cut the first word off, and the spaces around what is left. Returns what is left.
char *text_split(char *text);

// Cut at the first '='. Returns what is behind it, or NULL if there is none. Both sides are
// trimmed.
char *text_cut(char *text);

#endif
