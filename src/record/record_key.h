// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Keys of one direction of a connection, made of what the handshake leaves.
//
// Errors: false means that OpenSSL failed or an argument is out of range.
#ifndef STAYD_RECORD_KEY_H
#define STAYD_RECORD_KEY_H

#include "record/record_params.h"

#include <stdbool.h>
#include <stddef.h>

#define RECORD_SECRET_BYTES 48u

// Keys of one direction. TLS 1.3: the traffic secret (32 or 48 bytes, by the
// suite's hash) and what was expanded from it. TLS 1.2: key and fixed IV (4
// bytes for GCM, 12 for ChaCha20); the secret is zero.
struct record_key {
    uint8_t secret[RECORD_SECRET_BYTES];
    uint8_t key[32];
    uint8_t iv[12];
    uint32_t generation; // 0 after the handshake, +1 with each KeyUpdate
};

// TLS 1.3: expand a traffic secret into key and iv. n_secret: 32 or 48. False: OpenSSL failed.
bool record_key_tls13(const struct record_params *params, const uint8_t *secret, size_t n_secret,
                      struct record_key *key);

// TLS 1.2: both directions' keys from the master secret (48 bytes) and the two
// randoms (32 each), RFC 5246, section 6.3; is_sha384 picks the PRF's hash.
bool record_keys_tls12(const struct record_params *params, bool is_sha384, const uint8_t master[48],
                       const uint8_t client_random[32], const uint8_t server_random[32],
                       struct record_key *from_client, struct record_key *from_server);

// What follows is for record.c and record_message.c.

// False: OpenSSL failed; what was made so far is record_key_free's.
bool record_key_init(void);
void record_key_free(void);

// TLS 1.3: the key after a KeyUpdate (RFC 8446, section 7.2). next may be key.
bool record_key_next(const struct record_params *params, const struct record_key *key,
                     struct record_key *next);

#endif
