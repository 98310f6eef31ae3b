// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What ps(1) shows: the process' name (comm) and its command line.
// Errors: none; a title that does not fit is cut.
#ifndef STAYD_BASE_TITLE_H
#define STAYD_BASE_TITLE_H

// Remember where the arguments stand. Once, first in main; argv is overwritten later.
void title_init(int argc, char **argv);

// Show this title, such as "stayd: worker" (comm has room for 15 characters).
void title_set(const char *title);

#endif
