// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a connection is, as far as records go: what was agreed upon in its handshake.
//
// Errors: none.
#ifndef STAYD_RECORD_PARAMS_H
#define STAYD_RECORD_PARAMS_H

#include <stdint.h>

#define RECORD_TLS12 0x0303u
#define RECORD_TLS13 0x0304u

enum record_cipher {
    RECORD_AES_128_GCM,
    RECORD_AES_256_GCM,
    RECORD_CHACHA20_POLY1305,
    RECORD_N_CIPHERS,
};

struct record_params {
    uint16_t version; // RECORD_TLS12 or RECORD_TLS13
    uint8_t cipher;   // enum record_cipher
};

#endif
