// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stayd's log says afterwards, and the storm's own. Errors: a log that cannot be read is
// empty.
#ifndef STAYD_STORM_LOG_H
#define STAYD_STORM_LOG_H

#include <stdbool.h>

#include "site.h"

// Where the storm writes what it does.
#define LOG_OF_STORM "storm.log"

// Print the ends of all logs.
void log_print(const struct site *site);

// The first line of something that must not happen. What the processes of a program on probation
// do is its own affair.
bool log_find_complaint(const struct site *site, char *line, int line_size);

// How many receipts held a count that a dead worker had not committed.
unsigned log_count_settled(const struct site *site);

#endif
