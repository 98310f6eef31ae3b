// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One line of an answer, read by who has asked: the other side of ops/answer.h. Sans-I/O, and
// nothing but libc.
//
// Errors: REPLY_BROKEN; such a line is none of this protocol.
#ifndef STAYD_OPS_REPLY_H
#define STAYD_OPS_REPLY_H

#include <stddef.h>

#define REPLY_PAIRS 24u

enum reply_kind { REPLY_BROKEN, REPLY_ITEM, REPLY_OK, REPLY_ERROR };

struct reply_pair {
    const char *key;
    const char *value; // unquoted; a byte 0 became U+FFFD
};

// Everything points into the line.
struct reply {
    enum reply_kind kind;
    const char *id;    // "" for an error without one: the connection was refused
    const char *error; // REPLY_ERROR: the word
    const char *why;
    unsigned n_pairs;
    struct reply_pair pair[REPLY_PAIRS];
};

// Read a line without its LF, ended by a 0; it is changed. Pairs beyond REPLY_PAIRS are left out.
enum reply_kind reply_parse(struct reply *reply, char *line);

// The value of a key, or "".
const char *reply_find(const struct reply *reply, const char *key);

#endif
