// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A certificate authority for tests: makes certificates of all sorts, also wrong
// ones, and handshakes in memory.
//
// Errors: cmocka failures.
#ifndef STAYD_TESTS_PKI_H
#define STAYD_TESTS_PKI_H

#include <openssl/ssl.h>

struct pki_pair {
    X509 *certificate;
    EVP_PKEY *key;
};

struct pki_wish {
    const char *name;              // CN
    const char *names;             // subjectAltName as in x509v3_config(5), or NULL
    const struct pki_pair *issuer; // NULL: self-signed
    int is_ca;
    int is_to_be_stapled;        // it says that an OCSP response comes with it
    const struct pki_pair *like; // whose key to have, or NULL: one of its own
    int rsa_bits;                // 0: ECDSA
    const char *curve;           // NULL: P-256; or ED25519
    long from_days;              // validity, from today
    long to_days;
};

struct pki_pair pki_make(struct pki_wish wish);
void pki_free(struct pki_pair *pair);

// Write certificates (up to a NULL) and then the key (may be NULL) as one PEM file, mode 0600.
void pki_write(const char *path, X509 *const *certificates, EVP_PKEY *key);

// What a player's program does in a handshake with a context, both in memory. The player takes any
// certificate. Returns the player's side, or NULL when the handshake failed.
struct pki_play {
    const char *name;            // SNI, or NULL
    const char *alpn;            // as on the wire, or NULL
    int version;                 // TLS1_2_VERSION, TLS1_3_VERSION, or 0 for any
    const char *ciphers;         // TLS 1.2, or NULL
    const char *groups;          // or NULL; the first one's key share is sent
    const char *signatures;      // algorithms, or NULL
    int session_is_kept;         // of the last play
    const struct pki_pair *pair; // the player's own certificate, or NULL
};
SSL *pki_play(SSL_CTX *context, const struct pki_play *play, SSL **game_side);
void pki_forget_session(void);

// Free both sides; the session can be used again.
void pki_end(SSL *player, SSL *game_side);

#endif
