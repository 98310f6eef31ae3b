// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The help. Errors: none.
#ifndef MINIMUSH_HELP_H
#define MINIMUSH_HELP_H

// A topic's text, or NULL.
const char *help_find(const char *topic);

#endif
