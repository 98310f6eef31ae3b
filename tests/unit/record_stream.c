// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See record_stream.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "record_stream.h"

#include "record_player.h"

#include <string.h>

uint8_t wire[RECORD_MAX_BYTES + 64];
uint8_t text[RECORD_MAX_BYTES];
uint8_t many[RECORD_MAX_BYTES];

int streams_set_up(void **unused)
{
    (void)unused;
    return record_init() ? 0 : -1;
}

int streams_tear_down(void **unused)
{
    (void)unused;
    record_free();
    return 0;
}

struct stream stream_begin(uint16_t version, uint8_t cipher)
{
    struct stream stream = {.params = {version, cipher}};
    uint8_t secret[48];
    memset(secret, 0x33 + cipher, sizeof secret);
    assert_true(record_key_tls13(&stream.params, secret, cipher == RECORD_AES_256_GCM ? 48 : 32,
                                 &stream.key));
    return stream;
}

enum record_status stream_say(struct stream *stream, uint8_t type, const void *content, size_t n)
{
    const struct player_record record = {.type = type, .content = content, .n_content = n};
    const size_t n_wire =
        player_seal(&stream->params, &stream->key, stream->state.seq, &record, wire);
    record_open(&stream->params, &stream->key, &stream->state, wire, n_wire, text, sizeof text,
                &stream->opened);
    if (stream->opened.status == RECORD_TEXT || stream->opened.status == RECORD_REKEYED) {
        assert_int_equal(stream->opened.n_read, n_wire);
        stream->state = stream->opened.state;
    }
    if (stream->opened.status == RECORD_REKEYED)
        stream->key = stream->opened.key;
    return stream->opened.status;
}

void stream_put_hello(uint8_t *hello, size_t n_body)
{
    memset(hello, 0xee, 4 + n_body);
    hello[0] = 1;
    hello[1] = (uint8_t)(n_body >> 16);
    hello[2] = (uint8_t)(n_body >> 8);
    hello[3] = (uint8_t)n_body;
}
