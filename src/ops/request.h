// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One line of the control channel (doc/PROTOCOL.control) as a request: what is asked, of whom, with
// what. Bytes in, a struct out; no socket, no clock, no allocation, and nothing but libc. Whether
// game and connection exist, and who may ask, is not known here (ops/task.h).
//
// Errors: in the request: the protocol's word, and words for a person.
#ifndef STAYD_OPS_REQUEST_H
#define STAYD_OPS_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define REQUEST_LINE_BYTES 16384u // the longest line, its LF counted
#define REQUEST_ID_BYTES 33u
#define REQUEST_GAME_BYTES 64u // a game's name (conf/conf.h), or "*"
#define REQUEST_STATE_BYTES 4096u
#define REQUEST_TEXT_BYTES 1000u
// The shortest pair is " CONN 0": no line has room for more than this.
#define REQUEST_PAIRS (REQUEST_LINE_BYTES / 35u)
#define REQUEST_WHY_BYTES 192u

enum request_verb {
#define VERB(name, ...) REQUEST_##name,
#include "ops/verbs.def"
#undef VERB
    REQUEST_N_VERBS,
};

enum request_error {
    REQUEST_GOOD,
#define ERROR(name, word) REQUEST_##name,
#include "ops/errors.def"
#undef ERROR
};

enum request_who { REQUEST_WHO_GAME, REQUEST_WHO_ADMIN };

struct request_pair {
    uint8_t conn[16];
    uint64_t offset;
};

struct request {
    char id[REQUEST_ID_BYTES]; // "-" if it could not be read
    enum request_error error;  // if not REQUEST_GOOD, only id, error and why mean something
    char why[REQUEST_WHY_BYTES];
    enum request_verb verb;
    bool resumes, acknowledges;    // attach
    bool ends;                     // shutdown: `end`, not `hold`
    char game[REQUEST_GAME_BYTES]; // "": none was named; "*": all of them (notice)
    unsigned n_pairs;              // ack: 1 or more; else how many connections are named: 0 or 1
    struct request_pair pair[REQUEST_PAIRS]; // the first holds CONN of all other verbs
    size_t n_state;                          // state: 0 takes it away
    uint8_t state[REQUEST_STATE_BYTES];
    bool has_text;
    char text[REQUEST_TEXT_BYTES + 1]; // UTF-8 without control characters; upgrade: PATH, or ""
};

// Read one line, without its LF; a CR at its end is ignored. Returns whether it is good.
bool request_parse(struct request *request, const void *line, size_t n_line);

// The beginning of a line that is too long: takes its ID, if it can, for the error.
void request_too_long(struct request *request, const void *begin, size_t n_begin);

// Note an error that was found later. The words say what is wrong; "; what to do". Returns false.
bool request_refuse(struct request *request, enum request_error error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// 32 hexadecimal digits, of either case. False: something else; id is not changed.
bool request_read_conn(uint8_t id[16], const char *digits, size_t n_digits);

// Can it be said to a player: UTF-8, no control characters, not too long?
bool request_is_text(const char *text, size_t n_text);

const char *request_verb_word(enum request_verb verb);
const char *request_verb_form(enum request_verb verb);
enum request_who request_verb_who(enum request_verb verb);
bool request_verb_is_shell(enum request_verb verb); // has stayctl it?
const char *request_error_word(enum request_error error);

// The verb of this word, or REQUEST_N_VERBS.
enum request_verb request_verb_find(const char *word, size_t n_word);

// The verbs that stayctl has: for a terminal (stayctl --help), and as the table in
// doc/man/stayctl.8.
void request_print_verbs(FILE *out);
void request_print_verbs_mdoc(FILE *out);

#endif
