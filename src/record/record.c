// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Framing: what a record looks like on the wire, its nonce and its additional
// data, in TLS 1.3 and 1.2. What an opened record says is record_message.c's.
//
//   TLS 1.3           23 | 0303 | length | AEAD(content, type, zeros...)
//   TLS 1.2 GCM       type | 0303 | length | explicit nonce (8) | AEAD(content)
//   TLS 1.2 ChaCha20  type | 0303 | length | AEAD(content)
//
// Errors: a header that cannot be right is refused at once,
// without waiting for the body.
#include "record/record.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/bytes.h"
#include "record/record_aead.h"
#include "record/record_key.h"
#include "record/record_message.h"

#define EXPLICIT_NONCE_BYTES 8u
#define NO_FAULT (-1)

// Records sealed under one key. RFC 8446, section 5.5 has 2^24.5 full-size records
// for AES-GCM and no limit for ChaCha20; a sixth of that, for all, costs one
// KeyUpdate each 64 GB or so and keeps one rule. TLS 1.2 has the same limit (RFC
// 9325, section 4.4) but no KeyUpdate: there the end of the key is the end of the
// player's connection, so it is let as near as 2^24.
#ifndef RECORD_WORN_RECORDS
#define RECORD_WORN_RECORDS (UINT64_C(1) << 22)
#endif
#define WORN_RECORDS_TLS12 (4 * (uint64_t)(RECORD_WORN_RECORDS))
// ChaCha20 in TLS 1.2 ends with the sequence numbers only.
#define WORN_RECORDS_ENDLESS (UINT64_MAX - 1024)

bool record_init(void)
{
    if (record_aead_init() && record_key_init())
        return true;
    record_free();
    return false;
}

void record_free(void)
{
    record_aead_free();
    record_key_free();
}

static bool is_known(const struct record_params *params)
{
    return (params->version == RECORD_TLS13 || params->version == RECORD_TLS12) &&
           params->cipher < RECORD_N_CIPHERS;
}

void record_forget(const struct record_params *params, const struct record_key *key)
{
    if (is_known(params))
        record_aead_forget(params->cipher, key->key);
}

void record_forget_all(void)
{
    record_aead_forget_all();
}

static bool is_tls13(const struct record_params *params)
{
    return params->version == RECORD_TLS13;
}

static size_t explicit_bytes(const struct record_params *params)
{
    return is_tls13(params) || params->cipher == RECORD_CHACHA20_POLY1305 ? 0
                                                                          : EXPLICIT_NONCE_BYTES;
}

// The alert that a record's header alone deserves, or NO_FAULT.
static int header_fault(const struct record_params *params, const uint8_t *in)
{
    size_t n_body = bytes_get16(in + 3);
    size_t n_least = explicit_bytes(params) + RECORD_TAG_BYTES;
    // With TLS 1.3 the content type counts: an inner plaintext is at most 2^14 + 1
    // with its padding (RFC 8446, section 5.4).
    size_t n_most = n_least + RECORD_MAX_TEXT + (is_tls13(params) ? 1 : 0);
    if (is_tls13(params) ? in[0] != RECORD_TYPE_DATA
                         : in[0] < RECORD_TYPE_ALERT || in[0] > RECORD_TYPE_DATA)
        return RECORD_UNEXPECTED_MESSAGE;
    if (bytes_get16(in + 1) != RECORD_TLS12)
        return is_tls13(params) ? RECORD_DECODE_ERROR : RECORD_PROTOCOL_VERSION;
    if (n_body > n_most)
        return RECORD_OVERFLOW;
    if (n_body < n_least) // no room for a tag that could be right
        return RECORD_BAD_RECORD_MAC;
    return NO_FAULT;
}

size_t record_wanted(const struct record_params *params, const uint8_t *in, size_t n_in)
{
    if (n_in < RECORD_HEADER_BYTES)
        return 0;
    if (!is_known(params) || header_fault(params, in) != NO_FAULT)
        return RECORD_HEADER_BYTES;
    return RECORD_HEADER_BYTES + bytes_get16(in + 3);
}

// RFC 8446, section 5.3 and RFC 7905, section 2: iv xor sequence number. RFC
// 5288, section 3: salt and explicit nonce.
static void make_nonce(const struct record_params *params, const struct record_key *key,
                       uint64_t seq, const uint8_t *explicit, uint8_t nonce[RECORD_NONCE_BYTES])
{
    memcpy(nonce, key->iv, RECORD_NONCE_BYTES);
    if (explicit_bytes(params) > 0) {
        memcpy(nonce + RECORD_NONCE_BYTES - EXPLICIT_NONCE_BYTES, explicit, EXPLICIT_NONCE_BYTES);
        return;
    }
    uint8_t counter[8];
    bytes_put64(counter, seq);
    for (size_t i = 0; i < sizeof counter; i++)
        nonce[RECORD_NONCE_BYTES - sizeof counter + i] ^= counter[i];
}

#define AAD_BYTES_MAX 13u

// TLS 1.3: the header as it is on the wire (RFC 8446, section 5.2). TLS 1.2:
// sequence number, type, version, length of the content (RFC 5246, section 6.2.3.3).
static size_t make_aad(const struct record_params *params, uint64_t seq, const uint8_t *header,
                       size_t n_content, uint8_t aad[AAD_BYTES_MAX])
{
    if (is_tls13(params)) {
        memcpy(aad, header, RECORD_HEADER_BYTES);
        return RECORD_HEADER_BYTES;
    }
    bytes_put64(aad, seq);
    memcpy(aad + 8, header, 3);
    bytes_put16(aad + 11, (uint16_t)n_content);
    return AAD_BYTES_MAX;
}

static enum record_aead_result open_body(const struct record_params *params,
                                         const struct record_key *key, uint64_t seq,
                                         const uint8_t *in, size_t n_sealed, uint8_t *text)
{
    uint8_t nonce[RECORD_NONCE_BYTES];
    uint8_t aad[AAD_BYTES_MAX];
    const uint8_t *body = in + RECORD_HEADER_BYTES;
    make_nonce(params, key, seq, body, nonce);
    size_t n_aad = make_aad(params, seq, in, n_sealed - RECORD_TAG_BYTES, aad);
    return record_aead_open(params->cipher, key->key, nonce, aad, n_aad,
                            body + explicit_bytes(params), n_sealed, text);
}

static void end(struct record_opened *opened, enum record_status status, int alert)
{
    opened->status = status;
    opened->alert = (uint8_t)alert;
}

// Take the padding and the content type off (RFC 8446, section 5.4). False: there
// is nothing but zeros.
static bool strip_padding(const uint8_t *inner, size_t *n_inner, uint8_t *type)
{
    size_t n = *n_inner;
    while (n > 0 && inner[n - 1] == 0)
        n--;
    if (n == 0)
        return false;
    *type = inner[n - 1];
    *n_inner = n - 1;
    return true;
}

// The whole record is here and its header is right.
static void open_whole(const struct record_params *params, const struct record_key *key,
                       const struct record_state *state, const uint8_t *in, size_t n_body,
                       uint8_t *text, struct record_opened *opened)
{
    size_t n_sealed = n_body - explicit_bytes(params);
    size_t n_content = n_sealed - RECORD_TAG_BYTES;
    uint8_t type = in[0];
    switch (open_body(params, key, state->seq, in, n_sealed, text)) {
    case RECORD_AEAD_FORGED:
        end(opened, RECORD_ALERT, RECORD_BAD_RECORD_MAC);
        return;
    case RECORD_AEAD_FAILED:
        end(opened, RECORD_FAILED, 0);
        return;
    case RECORD_AEAD_DONE:
        break;
    }
    if (is_tls13(params) && !strip_padding(text, &n_content, &type)) {
        end(opened, RECORD_ALERT, RECORD_UNEXPECTED_MESSAGE);
        return;
    }
    opened->state = *state;
    opened->state.seq++;
    record_message_take(params, key, type, text, n_content, opened);
    if (opened->status != RECORD_ALERT && opened->status != RECORD_FAILED)
        opened->n_read = RECORD_HEADER_BYTES + n_body;
}

void record_open(const struct record_params *params, const struct record_key *key,
                 const struct record_state *state, const uint8_t *in, size_t n_in, uint8_t *text,
                 size_t text_room, struct record_opened *opened)
{
    opened->n_read = 0;
    opened->n_text = 0;
    end(opened, RECORD_MORE, 0);
    if (!is_known(params)) {
        end(opened, RECORD_FAILED, 0);
        return;
    }
    if (n_in < RECORD_HEADER_BYTES)
        return;
    int fault = header_fault(params, in);
    size_t n_body = bytes_get16(in + 3);
    if (fault != NO_FAULT)
        end(opened, RECORD_ALERT, fault);
    else if (n_in - RECORD_HEADER_BYTES < n_body)
        return;
    else if (state->seq == UINT64_MAX) // it must not wrap: the player should have rekeyed
        end(opened, RECORD_ALERT, RECORD_UNEXPECTED_MESSAGE);
    else if (text_room < n_body - explicit_bytes(params) - RECORD_TAG_BYTES)
        end(opened, RECORD_FAILED, 0);
    else
        open_whole(params, key, state, in, n_body, text, opened);
}

static size_t seal(const struct record_params *params, const struct record_key *key,
                   const struct record_state *state, uint8_t type, const uint8_t *text,
                   size_t n_text, uint8_t *out, size_t out_room, struct record_state *next)
{
    if (!is_known(params) || n_text > RECORD_MAX_TEXT || state->seq == UINT64_MAX)
        return 0;
    size_t n_explicit = explicit_bytes(params);
    size_t n_tail = is_tls13(params) ? 1 : 0;
    size_t n_body = n_explicit + n_text + n_tail + RECORD_TAG_BYTES;
    if (out_room < RECORD_HEADER_BYTES + n_body)
        return 0;
    uint8_t *body = out + RECORD_HEADER_BYTES;
    uint8_t nonce[RECORD_NONCE_BYTES];
    uint8_t aad[AAD_BYTES_MAX];
    out[0] = is_tls13(params) ? RECORD_TYPE_DATA : type;
    bytes_put16(out + 1, RECORD_TLS12);
    bytes_put16(out + 3, (uint16_t)n_body);
    if (n_explicit > 0)
        bytes_put64(body, state->seq); // unique by itself: RFC 5288, section 3
    make_nonce(params, key, state->seq, body, nonce);
    size_t n_aad = make_aad(params, state->seq, out, n_text, aad);
    if (!record_aead_seal(params->cipher, key->key, nonce, aad, n_aad, text, n_text, &type, n_tail,
                          body + n_explicit))
        return 0;
    *next = *state;
    next->seq++;
    return RECORD_HEADER_BYTES + n_body;
}

size_t record_seal(const struct record_params *params, const struct record_key *key,
                   const struct record_state *state, const uint8_t *text, size_t n_text,
                   uint8_t *out, size_t out_room, struct record_state *next)
{
    return seal(params, key, state, RECORD_TYPE_DATA, text, n_text, out, out_room, next);
}

size_t record_seal_alert(const struct record_params *params, const struct record_key *key,
                         const struct record_state *state, uint8_t alert, uint8_t *out,
                         size_t out_room, struct record_state *next)
{
    bool is_warning = alert == RECORD_CLOSE_NOTIFY || alert == RECORD_USER_CANCELED ||
                      alert == RECORD_NO_RENEGOTIATION;
    const uint8_t content[2] = {is_warning ? 1 : 2, alert};
    return seal(params, key, state, RECORD_TYPE_ALERT, content, sizeof content, out, out_room,
                next);
}

size_t record_seal_key_update(const struct record_params *params, const struct record_key *key,
                              const struct record_state *state, bool request_update, uint8_t *out,
                              size_t out_room, struct record_state *next,
                              struct record_key *next_key)
{
    const uint8_t content[5] = {24, 0, 0, 1, request_update}; // RFC 8446, section 4.6.3
    struct record_key made;
    if (!is_known(params) || !is_tls13(params) || !record_key_next(params, key, &made))
        return 0;
    size_t n_out = seal(params, key, state, RECORD_TYPE_HANDSHAKE, content, sizeof content, out,
                        out_room, next);
    if (n_out > 0) {
        next->seq = 0;
        *next_key = made;
    }
    OPENSSL_cleanse(&made, sizeof made);
    return n_out;
}

bool record_is_worn(const struct record_params *params, const struct record_state *state)
{
    uint64_t limit = RECORD_WORN_RECORDS;
    if (!is_tls13(params))
        limit =
            params->cipher == RECORD_CHACHA20_POLY1305 ? WORN_RECORDS_ENDLESS : WORN_RECORDS_TLS12;
    return state->seq >= limit;
}
