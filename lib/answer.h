// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stayd says on the control channel (doc/PROTOCOL.control): bytes to lines, a line to its
// meaning. Sans-I/O.
//
// Errors: false; the connection is then not one to stayd, or out of step, and is of no more use.
#ifndef STAY_ANSWER_H
#define STAY_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STAY_CONTROL_LINE_BYTES 16384u // the longest line, its end counted
#define STAY_CONTROL_VERSION 1u

struct stay_reader {
    uint8_t bytes[STAY_CONTROL_LINE_BYTES];
    size_t n;
    size_t n_taken; // of the line that was handed out last
};

// Where the next bytes go, and how many at most; *room is 0 only if a line is too long. What
// stay_reader_line handed out before is no longer valid.
uint8_t *stay_reader_room(struct stay_reader *reader, size_t *room);
void stay_reader_add(struct stay_reader *reader, size_t n);

// The next whole line, without its end: NULL if there is none yet. Valid until the next call.
const uint8_t *stay_reader_line(struct stay_reader *reader, size_t *n_line);

enum stay_answer_kind { STAY_ANSWER_ITEM, STAY_ANSWER_OK, STAY_ANSWER_ERROR };

struct stay_answer {
    enum stay_answer_kind kind;
    const uint8_t *id; // points into the line
    size_t n_id;
    char word[32];   // of an error
    char text[1024]; // of an error: printable, or ""
};

// Take an answer's line apart.
bool stay_answer_parse(const uint8_t *line, size_t n_line, struct stay_answer *answer);

// "error WORD ..." without an id: stayd does not take this connection, and closes it.
bool stay_answer_turns_away(const uint8_t *line, size_t n_line, struct stay_answer *answer);

// stayd's first line: *version is that of the protocol.
bool stay_answer_greeting(const uint8_t *line, size_t n_line, unsigned *version);

#endif
