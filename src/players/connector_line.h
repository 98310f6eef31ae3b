// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stayd and a connector say to each other (doc/PROTOCOL.control, "A connector"), for both
// sides. Sans-I/O, and nothing but libc.
//
//   stayd       connect N HEXHEADER
//   connector   N ok                  the descriptor comes with it (SCM_RIGHTS)
//               N error ERRNO-NAME
//
// Errors: false; such a line is none of this protocol.
#ifndef STAYD_PLAYERS_CONNECTOR_LINE_H
#define STAYD_PLAYERS_CONNECTOR_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CONNECTOR_HEADER_BYTES 512u
#define CONNECTOR_ASK_BYTES (CONNECTOR_HEADER_BYTES * 2 + 32) // a line with its LF and a 0
#define CONNECTOR_ANSWER_BYTES 64u

struct connector_ask {
    uint64_t number;
    size_t n_header;
    uint8_t header[CONNECTOR_HEADER_BYTES];
};

struct connector_answer {
    uint64_t number;
    int error; // errno; 0: connected
};

// Write a line with its LF, as a string. Returns its length.
size_t connector_print_ask(char line[CONNECTOR_ASK_BYTES], const struct connector_ask *ask);
size_t connector_print_answer(char line[CONNECTOR_ANSWER_BYTES],
                              const struct connector_answer *answer);

// Read a line without its LF, a string.
bool connector_parse_ask(struct connector_ask *ask, const char *line);
bool connector_parse_answer(struct connector_answer *answer, const char *line);

#endif
