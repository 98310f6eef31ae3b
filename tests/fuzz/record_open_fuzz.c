// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// record_open under libFuzzer. A fuzzer cannot guess a tag, so the harness seals what
// it is given, with a player's seal written apart from the code under test: the
// content of records is reached as well as their frame.
//
// Input: one byte for version (bit 0: TLS 1.3), cipher (bits 1 and 2) and how far the
// player's text has come (bits 3 to 7, for the state); then items
//   kind (1) | length (2, big-endian) | that many bytes, or what is left
// kind: 0 to 0x7f a record of content type kind, sealed as TLS wants it, its last byte
// (TLS 1.3) padding; 0x80 to 0xbf sealed as the whole inner plaintext; 0xc0 and up: the bytes
// go on the wire as they are.
//
// Errors: a broken promise of record.h aborts.
#include "fuzz.h"
#include "record/record.h"
#include "unit/record_player.h"

#define MORE_MAX 400u
#define ITEM_MAX 40000u // so that a length still fits into the header

static uint8_t wire[RECORD_MAX_BYTES + 70000];
static uint8_t text[RECORD_MAX_BYTES];

// The stream to us.
struct stream {
    struct record_params params;
    struct record_key key;
    struct record_state state;
    bool is_over;
};

static struct stream begin(uint8_t mode)
{
    static bool is_ready;
    static struct record_key keys[RECORD_N_CIPHERS];
    const uint8_t secret[48] = {0x5e, 0xc2};
    struct stream stream = {
        .params = {mode & 1 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)((mode >> 1 & 3) % 3)},
        .state = {.seq = (uint64_t)(mode >> 3) << 40},
    };
    if (!is_ready) {
        hold(record_init());
        for (uint8_t i = 0; i < RECORD_N_CIPHERS; i++) {
            const struct record_params params = {RECORD_TLS13, i};
            hold(record_key_tls13(&params, secret, i == RECORD_AES_256_GCM ? 48 : 32, &keys[i]));
        }
        is_ready = true;
    }
    stream.key = keys[stream.params.cipher];
    return stream;
}

// What must hold of every answer, whatever the input was.
static void check_answer(const struct stream *stream, size_t n_wire,
                         const struct record_opened *opened)
{
    const size_t wanted = record_wanted(&stream->params, wire, n_wire);
    const struct record_state *next = &opened->state;
    hold(opened->status != RECORD_FAILED);
    hold(opened->n_text <= RECORD_MAX_TEXT);
    hold(opened->n_text == 0 || opened->status == RECORD_TEXT);
    if (opened->status == RECORD_MORE)
        hold(wanted == 0 || wanted > n_wire);
    if (opened->status == RECORD_MORE || opened->status == RECORD_ALERT) {
        hold(opened->n_read == 0);
        return;
    }
    hold(opened->n_read == wanted && wanted <= n_wire && wanted > RECORD_HEADER_BYTES);
    if (opened->status == RECORD_DEAD)
        return;
    hold(next->hs_bytes <= 4);
    hold(next->seq == (opened->status == RECORD_REKEYED ? 0 : stream->state.seq + 1));
    if (opened->status == RECORD_REKEYED) {
        hold(opened->key.generation == stream->key.generation + 1);
        hold(memcmp(opened->key.key, stream->key.key, 16) != 0);
        hold(stream->params.version == RECORD_TLS13);
    }
    if (opened->n_text > 0)
        hold(next->debt < stream->state.debt || next->debt < 0);
    else if (opened->status != RECORD_CLOSED)
        hold(next->debt > stream->state.debt);
}

// Any part of the record says MORE, or the same alert as the whole.
static void check_parts(const struct stream *stream, size_t n_wire,
                        const struct record_opened *whole)
{
    const size_t n_all = whole->n_read != 0 ? whole->n_read : n_wire;
    for (size_t n = 0; n < n_all && n < MORE_MAX; n += 1 + n / 8) {
        struct record_opened part;
        record_open(&stream->params, &stream->key, &stream->state, wire, n, text, sizeof text,
                    &part);
        hold(part.status == RECORD_MORE ||
             (part.status == RECORD_ALERT && whole->status == RECORD_ALERT &&
              part.alert == whole->alert));
    }
}

// Returns the bytes of wire that were read.
static size_t take(struct stream *stream, size_t n_wire, struct record_opened *opened)
{
    struct record_opened again;
    record_open(&stream->params, &stream->key, &stream->state, wire, n_wire, text, sizeof text,
                opened);
    check_answer(stream, n_wire, opened);
    check_parts(stream, n_wire, opened);
    // A step may be done again.
    record_open(&stream->params, &stream->key, &stream->state, wire, n_wire, text, sizeof text,
                &again);
    hold(again.status == opened->status && again.n_text == opened->n_text &&
         again.alert == opened->alert && again.n_read == opened->n_read);
    if (opened->status == RECORD_TEXT || opened->status == RECORD_REKEYED)
        stream->state = opened->state;
    else
        stream->is_over = true;
    if (opened->status == RECORD_REKEYED)
        stream->key = opened->key;
    return opened->n_read;
}

static void take_sealed(struct stream *stream, uint8_t kind, const uint8_t *bytes, size_t n)
{
    const bool is_tls13 = stream->params.version == RECORD_TLS13;
    const bool is_whole = kind >= 0x80;
    struct record_opened opened;
    struct player_record record = {.type = kind, .content = bytes, .n_content = n};
    record.has_no_type = is_tls13 && is_whole;
    if (is_tls13 && !is_whole && n > 0) {
        record.n_content = n - 1;
        record.n_padding = bytes[n - 1];
    }
    const size_t n_wire =
        player_seal(&stream->params, &stream->key, stream->state.seq, &record, wire);
    take(stream, n_wire, &opened);
    hold(opened.status != RECORD_MORE);
    if (kind == 23 && opened.status == RECORD_TEXT) {
        hold(opened.n_text == record.n_content);
        hold(n == 0 || memcmp(text, bytes, opened.n_text) == 0);
    }
    hold(opened.status != RECORD_ALERT || opened.alert != RECORD_BAD_RECORD_MAC);
}

static void take_raw(struct stream *stream, const uint8_t *bytes, size_t n)
{
    struct record_opened opened;
    if (n > 0)
        memcpy(wire, bytes, n);
    take(stream, n, &opened);
    // Nobody without the key says anything.
    hold(opened.status == RECORD_MORE || opened.status == RECORD_ALERT);
    stream->is_over = opened.status == RECORD_ALERT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    struct stream stream = begin(data[0]);
    size_t at = 1;
    while (!stream.is_over && size - at >= 3) {
        const uint8_t kind = data[at];
        size_t n = (size_t)data[at + 1] << 8 | data[at + 2];
        at += 3;
        n = n < size - at ? n : size - at;
        n = n < ITEM_MAX ? n : ITEM_MAX;
        if (kind < 0xc0)
            take_sealed(&stream, kind, data + at, n);
        else
            take_raw(&stream, data + at, n);
        at += n;
    }
    return 0;
}
