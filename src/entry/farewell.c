// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Last words (farewell.h). Errors: none.
#include "entry/farewell.h"

#include <stdio.h>

#define LINE_BYTES 128u

const char *farewell_words(enum gate_verdict why)
{
    switch (why) {
    case GATE_DENIED:
    case GATE_UNNAMED:
    case GATE_HEADER:
        return "You cannot connect from where you are.";
    case GATE_RATE:
    case GATE_HANDSHAKES:
        return "There are too many new connections from your network. Please try again in a "
               "minute.";
    case GATE_PLAYERS:
        return "As many players are connected from your network as can be. Please try again "
               "later.";
    case GATE_FULL:
        return "As many players are connected as can be. Please try again later.";
    default:
        return "";
    }
}

void farewell_refuse(struct lingering *lingering, int fd, bool is_tls, enum gate_verdict why)
{
    static const uint8_t internal_error[] = {21, 3, 3, 0, 2, 2, 80};
    static const uint8_t access_denied[] = {21, 3, 3, 0, 2, 2, 49};
    const void *alert = why == GATE_DENIED || why == GATE_UNNAMED || why == GATE_HEADER
                            ? access_denied
                            : internal_error;
    const char *words = farewell_words(why);
    char line[LINE_BYTES];
    const int n = snprintf(line, sizeof line, "%s%s", words, *words ? "\r\n" : "");
    if (is_tls)
        linger_close(lingering, fd, alert, sizeof internal_error);
    else
        linger_close(lingering, fd, line, (size_t)n);
}
