// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One line of an answer on the control channel (doc/PROTOCOL.control): an item, or an end.
// Sans-I/O: the line is put together here and sent by the caller.
//
//   struct answer line;
//   answer_item(&line, id);
//   answer_text(&line, "game", name);
//   answer_number(&line, "players", n);
//   answer_finish(&line);                 // line.bytes, line.n
//
// Errors: none. A pair that does not fit is left off as a whole; all that there are fit.
#ifndef STAYD_OPS_ANSWER_H
#define STAYD_OPS_ANSWER_H

#include "ops/keys.h"
#include "ops/request.h"

#include <assert.h>

#define ANSWER_LINE_BYTES 4096u

struct answer {
    size_t n;
    char bytes[ANSWER_LINE_BYTES];
};

// Begin a line: "ID -", "ID ok".
void answer_item(struct answer *answer, const char *id);
void answer_ok(struct answer *answer, const char *id);

// Add " KEY=VALUE". `value` is quoted when it must be.
void answer_text(struct answer *answer, const char *key, const char *value);
void answer_bytes(struct answer *answer, const char *key, const void *value, size_t n_value);

// The same of a number, and of yes or no; `key` is a string literal of ops/keys.h.
#define ANSWER_OR_IS(word, key) || __builtin_strcmp(word, key) == 0
#define answer_number(answer, key, value)                                                          \
    do {                                                                                           \
        static_assert(0 KEYS_NUMBERS(ANSWER_OR_IS, key), "a number's key: ops/keys.h");            \
        answer_put_number(answer, key, value);                                                     \
    } while (0)
#define answer_flag(answer, key, is_so)                                                            \
    do {                                                                                           \
        static_assert(0 KEYS_FLAGS(ANSWER_OR_IS, key), "a flag's key: ops/keys.h");                \
        answer_put_flag(answer, key, is_so);                                                       \
    } while (0)
void answer_put_number(struct answer *answer, const char *key, uint64_t value);
void answer_put_flag(struct answer *answer, const char *key, bool is_so);

// End the line.
void answer_finish(struct answer *answer);

// A whole line: "ID error WORD in words". id NULL: without it.
void answer_error(struct answer *answer, const char *id, enum request_error error, const char *why);

#endif
