// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Asks stayd one thing on its control socket (doc/PROTOCOL.control) and collects the answer. When
// the worker dies in between, the same is asked of the next one.
//
// Errors: enum ask_result, with words for a person in the answer.
#ifndef STAYD_STAYCTL_ASK_H
#define STAYD_STAYCTL_ASK_H

#include "ops/reply.h"

#define ASK_PATIENCE_MS 5000u
#define ASK_PATIENCE_RELOAD_MS 30000u // reading the files may take 8 s, and then a worker begins
#define ASK_PATIENCE_UPGRADE_MS 60000u

enum ask_result {
    ASK_OK,
    ASK_ERROR,       // stayd says no
    ASK_UNREACHABLE, // nobody there, or nobody who speaks with us
};

struct ask_answer {
    struct reply *item; // n_items of them
    size_t n_items;
    struct reply end; // ASK_OK: its pairs; otherwise error and why
    // What they point into.
    char **line;
    size_t n_lines;
    char words[512];
};

// `request`: the line, without its LF. `id`: the ID that it begins with. `patience_ms`: how long to
// wait for an answer. The answer is the caller's to free, whatever the result.
enum ask_result ask(const char *control, const char *id, const char *request, unsigned patience_ms,
                    struct ask_answer *answer);
void ask_free(struct ask_answer *answer);

#endif
