// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One direction of a TLS stream, from the player to us, for tests: both ends of it. The player
// seals (record_player.h), we open.
//
// Errors: a failed assertion fails the test.
#ifndef STAYD_RECORD_STREAM_H
#define STAYD_RECORD_STREAM_H

#include "record/record.h"

// The caps of record_state.c, as doc/record.md promises them.
#define QUIET_MAX 128
#define QUIET_PER_S 100
#define QUIET_COST 4096
#define HELLO_BODY 41u
#define HELLO_BYTES (4u + HELLO_BODY)

struct stream {
    struct record_params params;
    struct record_key key;
    struct record_state state;
    struct record_opened opened;
};

extern uint8_t wire[RECORD_MAX_BYTES + 64]; // the last record
extern uint8_t text[RECORD_MAX_BYTES];      // and what was in it
extern uint8_t many[RECORD_MAX_BYTES];      // for content, as the test likes

// Before all tests and after them.
int streams_set_up(void **unused);
int streams_tear_down(void **unused);

struct stream stream_begin(uint16_t version, uint8_t cipher);

// The player says it; we open it. What came of it is in stream->opened, and taken over.
enum record_status stream_say(struct stream *stream, uint8_t type, const void *content, size_t n);

// A ClientHello with a body of so many bytes.
void stream_put_hello(uint8_t *hello, size_t n_body);

#endif
