// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Lines for netmush.log, which PennMUSH has made our standard error; in its form.
// Errors: none are returned.
#ifndef STAYD_DROPIN_SAY_H
#define STAYD_DROPIN_SAY_H

// One event; of several lines each is given the same beginning. The same text is not said twice in
// a row.
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
