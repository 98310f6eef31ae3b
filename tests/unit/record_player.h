// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The player's side of a TLS stream, for tests: seals whatever it is told to, also
// what no honest TLS library would. Shares nothing with src/record but the structs,
// so that a mistake there is not made here too.
//
// Errors: OpenSSL's failures abort; they say nothing about what is tested.
#ifndef STAYD_RECORD_PLAYER_H
#define STAYD_RECORD_PLAYER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/record.h"

// A record as it is to be. Zero stands for what is usual.
struct player_record {
    uint8_t type; // content type
    const void *content;
    size_t n_content;
    size_t n_padding;   // TLS 1.3: zeros after the content type
    uint8_t outer_type; // TLS 1.3: 23 if 0
    uint16_t version;   // 0x0303 if 0
    bool has_no_type;   // TLS 1.3: the content is the whole inner plaintext
};

// Seal it under key with sequence number seq. out needs room for all of it and
// 64 bytes. Returns the bytes of the record.
size_t player_seal(const struct record_params *params, const struct record_key *key, uint64_t seq,
                   const struct player_record *record, uint8_t *out);

// HKDF-Expand-Label of RFC 8446, section 7.1, by HMAC alone.
void player_expand_label(const uint8_t *secret, size_t n_secret, const char *label, uint8_t *out,
                         size_t n_out);

// PRF of RFC 5246, section 5, by HMAC alone.
void player_prf(bool is_sha384, const uint8_t *secret, size_t n_secret, const char *label,
                const uint8_t *seed, size_t n_seed, uint8_t *out, size_t n_out);

// Bytes of a hex string; blanks are skipped. Returns their number.
size_t player_unhex(const char *hex, uint8_t *out);

#endif
