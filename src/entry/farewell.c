// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Last words (farewell.h). Errors: none.
#include "entry/farewell.h"

#include <string.h>

const char *farewell_words(enum gate_verdict why)
{
    switch (why) {
    case GATE_DENIED:
        return "You cannot connect from where you are.\r\n";
    case GATE_RATE:
    case GATE_HANDSHAKES:
        return "There are too many new connections from your network. Please try again in a "
               "minute.\r\n";
    case GATE_PLAYERS:
        return "As many players are connected from your network as can be. Please try again "
               "later.\r\n";
    case GATE_FULL:
        return "As many players are connected as can be. Please try again later.\r\n";
    default:
        return "";
    }
}

void farewell_refuse(struct lingering *lingering, int fd, bool is_tls, enum gate_verdict why)
{
    static const uint8_t internal_error[] = {21, 3, 3, 0, 2, 2, 80};
    static const uint8_t access_denied[] = {21, 3, 3, 0, 2, 2, 49};
    const void *bytes = why == GATE_DENIED ? access_denied : internal_error;
    size_t n = sizeof internal_error;
    if (!is_tls) {
        bytes = farewell_words(why);
        n = strlen(bytes);
    }
    linger_close(lingering, fd, bytes, n);
}
