// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The AEADs under the record layer: one OpenSSL context a cipher and direction
// per process, rekeyed for each record. A connection thus owns no context (1.2 kB
// each), and no record costs a fetch or an allocation. For record.c only.
//
// Errors: OpenSSL's own failure is RECORD_AEAD_FAILED or false; a record that
// does not authenticate is RECORD_AEAD_FORGED.
#ifndef STAYD_RECORD_AEAD_H
#define STAYD_RECORD_AEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_TAG_BYTES 16u
#define RECORD_NONCE_BYTES 12u

enum record_aead_result {
    RECORD_AEAD_DONE,
    RECORD_AEAD_FORGED,
    RECORD_AEAD_FAILED,
};

// False: OpenSSL failed; what was made so far is record_aead_free's.
bool record_aead_init(void);
void record_aead_free(void);

// Wipe the key out of the contexts that have it; out of all whatever they have.
void record_aead_forget(uint8_t cipher, const uint8_t *key);
void record_aead_forget_all(void);

// 16 or 32; cipher is an enum record_cipher.
size_t record_aead_key_bytes(uint8_t cipher);

// Open n_in (at least RECORD_TAG_BYTES) bytes, the tag last, into out, which
// gets n_in - RECORD_TAG_BYTES bytes and is wiped unless they are authentic.
enum record_aead_result record_aead_open(uint8_t cipher, const uint8_t *key,
                                         const uint8_t nonce[RECORD_NONCE_BYTES],
                                         const uint8_t *aad, size_t n_aad, const uint8_t *in,
                                         size_t n_in, uint8_t *out);

// Seal text and, after it, n_tail (0 or 1) bytes of tail: TLS 1.3's content
// type. out gets n_text + n_tail + RECORD_TAG_BYTES bytes.
bool record_aead_seal(uint8_t cipher, const uint8_t *key, const uint8_t nonce[RECORD_NONCE_BYTES],
                      const uint8_t *aad, size_t n_aad, const uint8_t *text, size_t n_text,
                      const uint8_t *tail, size_t n_tail, uint8_t *out);

#endif
