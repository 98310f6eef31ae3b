// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The content of opened records. A handshake message may be cut anywhere; what is
// known of an unfinished one is in three fields of record_state:
//
//   hs_bytes 0        no message has begun
//   hs_bytes 1 to 3   so many bytes of its header (type, length in 3 bytes) came;
//                     TLS 1.2: hs[] holds the length's bytes so far
//   hs_bytes 4        the header is whole; TLS 1.2: hs[] is how much of the body is
//                     still to be skipped, big-endian, never 0
//
// TLS 1.3 needs no hs[]: the one message a player may send is KeyUpdate, its
// header is always 24 0 0 1, and each byte is compared as it comes.
//
// Errors: every breach of protocol names its alert; the first one counts.
#include "record/record_message.h"

#include "record/record_alert.h"

enum { MESSAGE_CLIENT_HELLO = 1, MESSAGE_KEY_UPDATE = 24 };
enum { LEVEL_WARNING = 1, LEVEL_FATAL = 2 };

// The body of the smallest and of the largest ClientHello that RFC 5246, section
// 7.4.1.2 can express: version, random, session id, suites, compression, extensions.
#define CLIENT_HELLO_MIN (2u + 32u + 1u + 2u + 2u + 1u + 1u)
#define CLIENT_HELLO_MAX (2u + 32u + 1u + 32u + 2u + 65534u + 1u + 255u + 2u + 65535u)

static void refuse(struct record_opened *opened, enum record_alert alert)
{
    opened->status = RECORD_ALERT;
    opened->alert = (uint8_t)alert;
}

// For a record without text, or a ClientHello. False: there were too many.
static bool charge(struct record_opened *opened)
{
    if (record_charge(&opened->state))
        return true;
    refuse(opened, RECORD_UNEXPECTED_MESSAGE);
    return false;
}

// RFC 8446, section 6: the level says nothing, and an alert that is not known is
// an error. RFC 5246, section 7.2.2: a warning may be ignored.
static void take_alert(bool is_tls13, const uint8_t *content, size_t n_content,
                       struct record_opened *opened)
{
    if (n_content != 2) {
        // Not to be cut or joined: RFC 8446, section 5.1. RFC 5246 allows it, nobody does it.
        refuse(opened, RECORD_DECODE_ERROR);
        return;
    }
    uint8_t level = content[0];
    uint8_t description = content[1];
    if (!is_tls13 && level != LEVEL_WARNING && level != LEVEL_FATAL) {
        refuse(opened, RECORD_ILLEGAL_PARAMETER);
    } else if (description == RECORD_CLOSE_NOTIFY) {
        opened->status = RECORD_CLOSED;
    } else if (is_tls13 ? description != RECORD_USER_CANCELED : level == LEVEL_FATAL) {
        opened->status = RECORD_DEAD;
        opened->alert = description;
    }
}

static void take_key_update(const struct record_params *params, const struct record_key *key,
                            uint8_t request, bool is_last_byte, struct record_opened *opened)
{
    struct record_state *state = &opened->state;
    if (request > 1) { // RFC 8446, section 4.6.3
        refuse(opened, RECORD_ILLEGAL_PARAMETER);
    } else if (!is_last_byte) { // section 5.1: messages must not span key changes
        refuse(opened, RECORD_UNEXPECTED_MESSAGE);
    } else if (!record_key_next(params, key, &opened->key)) {
        opened->status = RECORD_FAILED;
    } else {
        opened->status = RECORD_REKEYED;
        state->seq = 0;
        state->hs_bytes = 0;
        state->asks = (uint16_t)(state->asks + request);
    }
}

static void take_handshake_tls13(const struct record_params *params, const struct record_key *key,
                                 const uint8_t *content, size_t n_content,
                                 struct record_opened *opened)
{
    static const uint8_t header[RECORD_MESSAGE_HEADER_BYTES] = {MESSAGE_KEY_UPDATE, 0, 0, 1};
    struct record_state *state = &opened->state;
    for (size_t i = 0; i < n_content; i++) {
        if (state->hs_bytes == RECORD_MESSAGE_HEADER_BYTES) {
            take_key_update(params, key, content[i], i + 1 == n_content, opened);
            return;
        }
        if (content[i] != header[state->hs_bytes]) {
            refuse(opened, state->hs_bytes == 0 ? RECORD_UNEXPECTED_MESSAGE : RECORD_DECODE_ERROR);
            return;
        }
        state->hs_bytes++;
    }
}

static uint32_t get24(const uint8_t from[3])
{
    return (uint32_t)from[0] << 16 | (uint32_t)from[1] << 8 | from[2];
}

static void put24(uint8_t to[3], uint32_t value)
{
    to[0] = (uint8_t)(value >> 16);
    to[1] = (uint8_t)(value >> 8);
    to[2] = (uint8_t)value;
}

// One byte of a message's header. False: refused.
static bool take_hello_header(uint8_t byte, struct record_opened *opened)
{
    struct record_state *state = &opened->state;
    if (state->hs_bytes == 0 && byte != MESSAGE_CLIENT_HELLO) {
        refuse(opened, RECORD_UNEXPECTED_MESSAGE);
        return false;
    }
    if (state->hs_bytes > 0)
        state->hs[state->hs_bytes - 1] = byte;
    state->hs_bytes++;
    uint32_t n_body = get24(state->hs);
    if (state->hs_bytes == RECORD_MESSAGE_HEADER_BYTES &&
        (n_body < CLIENT_HELLO_MIN || n_body > CLIENT_HELLO_MAX)) {
        refuse(opened, RECORD_DECODE_ERROR);
        return false;
    }
    return true;
}

// Skip what of a ClientHello's body is here. Returns the bytes skipped.
static size_t skip_hello_body(size_t n_content, struct record_opened *opened)
{
    struct record_state *state = &opened->state;
    uint32_t n_left = get24(state->hs);
    if (n_content < n_left) {
        put24(state->hs, n_left - (uint32_t)n_content);
        return n_content;
    }
    state->hs_bytes = 0;
    state->asks++;
    charge(opened);
    return n_left;
}

// A player may ask for a renegotiation at any time; the answer, no_renegotiation,
// does not depend on what the ClientHello says, so it is not read.
static void take_handshake_tls12(const uint8_t *content, size_t n_content,
                                 struct record_opened *opened)
{
    while (n_content > 0 && opened->status != RECORD_ALERT) {
        size_t n_taken = 1;
        if (opened->state.hs_bytes == RECORD_MESSAGE_HEADER_BYTES)
            n_taken = skip_hello_body(n_content, opened);
        else if (!take_hello_header(*content, opened))
            return;
        content += n_taken;
        n_content -= n_taken;
    }
}

void record_message_take(const struct record_params *params, const struct record_key *key,
                         uint8_t type, const uint8_t *content, size_t n_content,
                         struct record_opened *opened)
{
    bool is_tls13 = params->version == RECORD_TLS13;
    struct record_state *state = &opened->state;
    opened->status = RECORD_TEXT;
    if (is_tls13 && state->hs_bytes > 0 && type != RECORD_TYPE_HANDSHAKE) {
        // RFC 8446, section 5.1. RFC 5246, section 6.2.1 allows other types between.
        refuse(opened, RECORD_UNEXPECTED_MESSAGE);
        return;
    }
    if (type == RECORD_TYPE_DATA && n_content > 0) {
        opened->n_text = n_content;
        record_pay_text(state, n_content);
        return;
    }
    if (!charge(opened))
        return;
    if (type != RECORD_TYPE_DATA && n_content == 0)
        refuse(opened, RECORD_UNEXPECTED_MESSAGE);
    else if (type == RECORD_TYPE_ALERT)
        take_alert(is_tls13, content, n_content, opened);
    else if (type == RECORD_TYPE_HANDSHAKE && is_tls13)
        take_handshake_tls13(params, key, content, n_content, opened);
    else if (type == RECORD_TYPE_HANDSHAKE)
        take_handshake_tls12(content, n_content, opened);
    else if (type != RECORD_TYPE_DATA)
        refuse(opened, RECORD_UNEXPECTED_MESSAGE);
}
