// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// OpenSSL as the player: a real handshake in memory between an OpenSSL client and an
// OpenSSL server; then the server's keys and sequence numbers are taken by public API
// only, the server is freed, and the record layer stands in its place.
//
// Errors: cmocka failures.
#ifndef STAYD_OPENSSL_PLAYER_H
#define STAYD_OPENSSL_PLAYER_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "record/record.h"
#include "storm/dice.h"

struct openssl_suite {
    const char *name; // OpenSSL's
    bool has_rsa;     // TLS 1.2: which certificate
    bool is_sha384;
    struct record_params params;
};

extern const struct openssl_suite openssl_suites[];
extern const size_t n_openssl_suites;

struct openssl_player {
    SSL *ssl;
    BIO *to_us;   // what the player sends
    BIO *to_them; // what the player will read
    struct dice *dice;
    struct record_params params;
    struct record_key from_player;
    struct record_key to_player;
    struct record_state read;  // where the player's records begin
    struct record_state write; // where ours begin
    size_t write_limit;        // RFC 6066, section 4
};

// Connect. What RFCs leave free is diced: tickets, max_fragment_length, the
// player's padding and record sizes. dice must outlive player.
void openssl_player_connect(struct openssl_player *player, const struct openssl_suite *suite,
                            struct dice *dice);
void openssl_player_free(struct openssl_player *player);

#endif
