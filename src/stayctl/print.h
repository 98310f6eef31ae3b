// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Answers for people, as lines and aligned tables (print.c), and for programs, as one JSON document
// (json.c).
//
// Errors: none are returned; whether standard output took it, main sees.
#ifndef STAYD_STAYCTL_PRINT_H
#define STAYD_STAYCTL_PRINT_H

#include "ops/request.h"
#include "stayctl/ask.h"

// Words of stayd's, with their control characters and all that is not ASCII as "?".
void print_words(FILE *out, const char *words);

// What came before an error, if it says more about it.
void print_reasons(FILE *out, const struct ask_answer *answer);

// A good answer to this verb.
void print_answer(FILE *out, enum request_verb verb, const struct ask_answer *answer);

// {"items": [{...}, ...], "result": {...}}, or {"error": WORD, "message": TEXT}, there
// with "items" if there are any (answer may be NULL). Numbers and yes/no
// are told by their keys, so that a game named "1" is a string.
void print_json(FILE *out, const struct ask_answer *answer);
void print_json_error(FILE *out, const char *error, const char *message,
                      const struct ask_answer *answer);

#endif
