// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What stayd has been asked and has not answered: lines in their order, and behind them what is
// still a wish (wishes.h).
//
//   wish ──stay_requests_next──▶ line, not sent ──stay_requests_sent──▶ sent ──answered──▶ gone
//                                     ▲                                  │
//                                     └────────stay_requests_rewind──────┘ (connection lost)
//
// Lines are made of wishes only when there is room under way: until then a newer wish takes the
// place of the older one. A line keeps its id for good, so that it can be repeated. Sans-I/O.
//
// Errors: false with errno: ENOMEM, ENOBUFS (STAY_REQUESTS_MAX_BYTES), EINVAL.
#ifndef STAY_REQUESTS_H
#define STAY_REQUESTS_H

#include "carry.h"
#include "wishes.h"

#define STAY_REQUESTS_MAX_BYTES (32u << 20)       // of memory for all of it, about
#define STAY_REQUESTS_UNDER_WAY_BYTES (64u << 10) // of lines sent and not answered, about
#define STAY_REQUESTS_ID_BYTES 32u

struct stay_line {
    struct stay_line *next;
    int held_fd;      // closed when this is answered; -1: none
    bool is_plan;     // holds for this program only: not carried over exec
    bool is_repeated; // an answer may have been lost: an error may mean that it was done before
    size_t n;
    char text[]; // ends in LF and NUL
};

struct stay_requests {
    char prefix[9]; // of the ids
    uint64_t n_ever;
    struct stay_line *first; // the oldest, and the next to be answered
    struct stay_line *last;
    struct stay_line *unsent; // the first that is not sent, or NULL
    size_t n_lines;
    size_t n_line_bytes;
    size_t n_bytes_under_way;
    struct stay_wishes wishes;
};

void stay_requests_open(struct stay_requests *requests);
void stay_requests_free(struct stay_requests *requests);

// What stay.h has under these names.
bool stay_requests_leave(struct stay_requests *requests, const uint8_t id[STAY_ID_BYTES],
                         const void *state, size_t n_state);
bool stay_requests_acknowledge(struct stay_requests *requests, const uint8_t id[STAY_ID_BYTES],
                               uint64_t n_input);
bool stay_requests_end(struct stay_requests *requests, const uint8_t id[STAY_ID_BYTES],
                       const char *last_words);

// Keep this descriptor open until the request that was made last is answered. The queue owns it
// from now on; -1: none.
void stay_requests_hold(struct stay_requests *requests, int fd);

// Nobody will answer soon: close what is held.
void stay_requests_let_go(struct stay_requests *requests);

// words: verb and arguments. What was wished before goes out before it.
bool stay_requests_plan(struct stay_requests *requests, const char *words);

bool stay_requests_has_plan(const struct stay_requests *requests);

// A new id, for a request that is not in the queue.
void stay_requests_name(struct stay_requests *requests, char id[STAY_REQUESTS_ID_BYTES]);

// *line is the next to send, NULL if there is none now. False: no memory to make one.
bool stay_requests_next(struct stay_requests *requests, struct stay_line **line);

// Would stay_requests_next give one?
bool stay_requests_has_next(const struct stay_requests *requests);

// The line that stay_requests_next gave has gone out, all of it.
void stay_requests_sent(struct stay_requests *requests);

// The connection is lost: everything is to be sent again.
void stay_requests_rewind(struct stay_requests *requests);

// The line that the next answer is for; NULL: none is expected.
const struct stay_line *stay_requests_asked(const struct stay_requests *requests);

// It was answered.
void stay_requests_answered(struct stay_requests *requests);

size_t stay_requests_count(const struct stay_requests *requests);

// Write everything into the file that goes through exec; take a record of it up again.
bool stay_requests_save(struct stay_requests *requests, struct stay_carry *carry);
bool stay_requests_restore(struct stay_requests *requests, const struct stay_carry_record *record);

#endif
