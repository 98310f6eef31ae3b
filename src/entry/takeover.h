// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Taking an established TLS connection out of OpenSSL: traffic secrets and
// sequence numbers are watched during the handshake (struct takeover, hung on the
// SSL object), and put into an arrival as plain data when it is complete.
//
// Errors: a reason in words; the arrival is then good for nothing.
#ifndef STAYD_ENTRY_TAKEOVER_H
#define STAYD_ENTRY_TAKEOVER_H

#include "vault/arrival.h"
#include <openssl/ssl.h>

// What must be seen while the handshake runs.
struct takeover {
    uint8_t secret[2][RECORD_SECRET_BYTES]; // TLS 1.3 traffic secrets: client's, server's
    uint8_t n_secret[2];
    uint64_t n_read;    // TLS 1.2: records since the client's ChangeCipherSpec
    uint64_t n_written; // records since the present write key was taken into use
};

// Once per context: the callbacks that fill struct takeover.
void takeover_prepare(SSL_CTX *context, void *unused);

// Hang `takeover`, zeroed, on ssl; it must live as long as ssl.
int takeover_watch(SSL *ssl, struct takeover *takeover);

// The handshake is complete: fill keys, sequence numbers and facts. Address, port and listener are
// the caller's. NULL, or why it cannot be.
const char *takeover_fill(SSL *ssl, const struct takeover *takeover, struct arrival *arrival);

#endif
