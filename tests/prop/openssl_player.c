// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See openssl_player.h. The taking of keys is written here a second time, apart from
// src/entry: the TLS 1.3 secrets from the key log, the TLS 1.2 ones from the session,
// sequence numbers by counting record headers in the message callback.
//
// Errors: cmocka failures.
#include "openssl_player.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "unit/pki.h"

const struct openssl_suite openssl_suites[] = {
    {"TLS_AES_128_GCM_SHA256", false, false, {RECORD_TLS13, RECORD_AES_128_GCM}},
    {"TLS_AES_256_GCM_SHA384", false, true, {RECORD_TLS13, RECORD_AES_256_GCM}},
    {"TLS_CHACHA20_POLY1305_SHA256", false, false, {RECORD_TLS13, RECORD_CHACHA20_POLY1305}},
    {"ECDHE-ECDSA-AES128-GCM-SHA256", false, false, {RECORD_TLS12, RECORD_AES_128_GCM}},
    {"ECDHE-ECDSA-AES256-GCM-SHA384", false, true, {RECORD_TLS12, RECORD_AES_256_GCM}},
    {"ECDHE-ECDSA-CHACHA20-POLY1305", false, false, {RECORD_TLS12, RECORD_CHACHA20_POLY1305}},
    {"ECDHE-RSA-AES128-GCM-SHA256", true, false, {RECORD_TLS12, RECORD_AES_128_GCM}},
    {"ECDHE-RSA-AES256-GCM-SHA384", true, true, {RECORD_TLS12, RECORD_AES_256_GCM}},
    {"ECDHE-RSA-CHACHA20-POLY1305", true, false, {RECORD_TLS12, RECORD_CHACHA20_POLY1305}},
};
const size_t n_openssl_suites = sizeof openssl_suites / sizeof openssl_suites[0];

// What the callbacks saw of the handshake that is going on.
static struct {
    uint8_t secrets[2][48]; // 0: the client's, 1: the server's
    size_t n_secrets[2];
    uint64_t n_headers[2]; // since the last change of keys; 0: read, 1: written
} seen;

static void see_key_log(const SSL *ssl, const char *line)
{
    (void)ssl;
    static const char *const labels[] = {"CLIENT_TRAFFIC_SECRET_0 ", "SERVER_TRAFFIC_SECRET_0 "};
    for (int i = 0; i < 2; i++) {
        if (strncmp(line, labels[i], strlen(labels[i])) != 0)
            continue;
        const char *hex = strchr(line + strlen(labels[i]), ' ') + 1;
        long n = 0;
        unsigned char *bytes = OPENSSL_hexstr2buf(hex, &n);
        assert_true(bytes != NULL && n <= 48);
        memcpy(seen.secrets[i], bytes, (size_t)n);
        seen.n_secrets[i] = (size_t)n;
        seen.n_headers[i] = 0;
        OPENSSL_free(bytes);
    }
}

static void see_message(int is_written, int version, int type, const void *bytes, size_t n,
                        SSL *ssl, void *unused)
{
    (void)version;
    (void)unused;
    if (type != SSL3_RT_HEADER || n < 5)
        return;
    const bool is_tls12 = SSL_version(ssl) == TLS1_2_VERSION;
    if (is_tls12 && *(const uint8_t *)bytes == SSL3_RT_CHANGE_CIPHER_SPEC)
        seen.n_headers[is_written] = 0;
    else
        seen.n_headers[is_written]++;
}

static const struct pki_pair *certificate(bool has_rsa)
{
    static struct pki_pair pairs[2];
    if (pairs[has_rsa].key == NULL)
        pairs[has_rsa] = pki_make((struct pki_wish){.name = "mush.example",
                                                    .rsa_bits = has_rsa ? 2048 : 0,
                                                    .from_days = -1,
                                                    .to_days = 30});
    return &pairs[has_rsa];
}

static size_t dice_padding(SSL *ssl, int type, size_t n, void *arg)
{
    (void)ssl;
    (void)type;
    (void)n;
    return dice_one_in(arg, 3) ? dice_below(arg, 20000) : dice_below(arg, 40);
}

static SSL_CTX *make_context(const struct openssl_suite *suite, bool is_server, struct dice *dice)
{
    const bool is_tls13 = suite->params.version == RECORD_TLS13;
    SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
    assert_non_null(ctx);
    SSL_CTX_set_min_proto_version(ctx, suite->params.version);
    SSL_CTX_set_max_proto_version(ctx, suite->params.version);
    if (is_tls13)
        assert_int_equal(SSL_CTX_set_ciphersuites(ctx, suite->name), 1);
    else
        assert_int_equal(SSL_CTX_set_cipher_list(ctx, suite->name), 1);
    if (is_server) {
        const struct pki_pair *pair = certificate(suite->has_rsa);
        assert_int_equal(SSL_CTX_use_certificate(ctx, pair->certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(ctx, pair->key), 1);
        SSL_CTX_set_num_tickets(ctx, dice_below(dice, 4));
        SSL_CTX_set_keylog_callback(ctx, see_key_log);
        SSL_CTX_set_msg_callback(ctx, see_message);
    } else if (is_tls13 && dice_one_in(dice, 2)) {
        SSL_CTX_set_record_padding_callback(ctx, dice_padding);
        SSL_CTX_set_record_padding_callback_arg(ctx, dice);
    } else if (is_tls13 && dice_one_in(dice, 2)) {
        SSL_CTX_set_block_padding(ctx, 1 + dice_below(dice, 16384));
    }
    return ctx;
}

static void shake_hands(SSL *client, SSL *server)
{
    for (int i = 0; i < 20; i++) {
        const int c = SSL_do_handshake(client);
        const int s = SSL_do_handshake(server);
        if (c == 1 && s == 1)
            return;
    }
    ERR_print_errors_fp(stderr);
    fail_msg("the handshake in memory did not succeed");
}

static void take_keys(struct openssl_player *player, SSL *server, bool is_sha384)
{
    if (player->params.version == RECORD_TLS13) {
        assert_true(record_key_tls13(&player->params, seen.secrets[0], seen.n_secrets[0],
                                     &player->from_player));
        assert_true(record_key_tls13(&player->params, seen.secrets[1], seen.n_secrets[1],
                                     &player->to_player));
        player->read = (struct record_state){.seq = 0};
    } else {
        uint8_t master[48];
        uint8_t randoms[2][32];
        assert_int_equal(SSL_SESSION_get_master_key(SSL_get_session(server), master, 48), 48);
        assert_int_equal(SSL_get_client_random(server, randoms[0], 32), 32);
        assert_int_equal(SSL_get_server_random(server, randoms[1], 32), 32);
        assert_true(record_keys_tls12(&player->params, is_sha384, master, randoms[0], randoms[1],
                                      &player->from_player, &player->to_player));
        player->read = (struct record_state){.seq = seen.n_headers[0]};
    }
    player->write = (struct record_state){.seq = seen.n_headers[1]};
}

static size_t limit_of(SSL *ssl)
{
    const uint8_t mode = SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl));
    return mode == TLSEXT_max_fragment_length_DISABLED ? RECORD_MAX_TEXT : (size_t)256 << mode;
}

void openssl_player_connect(struct openssl_player *player, const struct openssl_suite *suite,
                            struct dice *dice)
{
    SSL_CTX *server_ctx = make_context(suite, true, dice);
    SSL_CTX *client_ctx = make_context(suite, false, dice);
    SSL *server = SSL_new(server_ctx);
    memset(&seen, 0, sizeof seen);
    memset(player, 0, sizeof *player);
    player->dice = dice;
    player->params = suite->params;
    player->ssl = SSL_new(client_ctx);
    player->to_us = BIO_new(BIO_s_mem());
    player->to_them = BIO_new(BIO_s_mem());
    assert_true(server != NULL && player->ssl != NULL && player->to_us != NULL);
    if (dice_one_in(dice, 2))
        SSL_set_tlsext_max_fragment_length(player->ssl, (uint8_t)(1 + dice_below(dice, 4)));
    else if (dice_one_in(dice, 3))
        SSL_set_max_send_fragment(player->ssl, (long)(512 + dice_below(dice, 15873)));
    BIO_up_ref(player->to_us);
    BIO_up_ref(player->to_them);
    SSL_set_bio(server, player->to_us, player->to_them);
    SSL_set_bio(player->ssl, player->to_them, player->to_us);
    SSL_set_accept_state(server);
    SSL_set_connect_state(player->ssl);
    shake_hands(player->ssl, server);
    assert_int_equal(SSL_has_pending(server), 0);
    take_keys(player, server, suite->is_sha384);
    player->write_limit = limit_of(server);
    SSL_set_shutdown(server, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(server);
    SSL_CTX_free(server_ctx);
    SSL_CTX_free(client_ctx);
}

void openssl_player_free(struct openssl_player *player)
{
    SSL_free(player->ssl);
    ERR_clear_error();
}
