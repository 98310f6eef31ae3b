// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A certificate authority and a player's program for tests; see pki.h.
//
// Errors: cmocka failures.
#include "pki.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static SSL_SESSION *session;

static void add(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

static EVP_PKEY *make_key(const struct pki_wish *wish)
{
    if (wish->rsa_bits)
        return EVP_RSA_gen((unsigned)wish->rsa_bits);
    if (wish->curve && strcmp(wish->curve, "ED25519") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    return EVP_EC_gen(wish->curve ? wish->curve : "P-256");
}

struct pki_pair pki_make(struct pki_wish wish)
{
    static long serial = 1;
    struct pki_pair pair = {.certificate = X509_new()};
    if (wish.like && EVP_PKEY_up_ref(wish.like->key))
        pair.key = wish.like->key;
    else
        pair.key = make_key(&wish);
    assert_non_null(pair.key);
    X509 *certificate = pair.certificate;
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial++);
    X509_gmtime_adj(X509_getm_notBefore(certificate), wish.from_days * 24 * 3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), wish.to_days * 24 * 3600);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)wish.name, -1, -1, 0);
    X509_set_pubkey(certificate, pair.key);
    X509 *issuer = wish.issuer ? wish.issuer->certificate : certificate;
    X509_set_issuer_name(certificate, X509_get_subject_name(issuer));
    add(certificate, issuer, NID_basic_constraints, wish.is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    add(certificate, issuer, NID_subject_key_identifier, "hash");
    add(certificate, issuer, NID_authority_key_identifier, "keyid");
    if (wish.names)
        add(certificate, issuer, NID_subject_alt_name, wish.names);
    if (wish.is_to_be_stapled)
        add(certificate, issuer, NID_tlsfeature, "status_request");
    EVP_PKEY *signer = wish.issuer ? wish.issuer->key : pair.key;
    const EVP_MD *digest = EVP_PKEY_is_a(signer, "ED25519") ? NULL : EVP_sha256();
    assert_true(X509_sign(certificate, signer, digest));
    return pair;
}

void pki_free(struct pki_pair *pair)
{
    X509_free(pair->certificate);
    EVP_PKEY_free(pair->key);
    *pair = (struct pki_pair){0};
}

void pki_write(const char *path, X509 *const *certificates, EVP_PKEY *key)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (; *certificates; certificates++)
        assert_true(PEM_write_X509(file, *certificates));
    if (key)
        assert_true(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, 0600), 0);
}

static int on_session(SSL *ssl, SSL_SESSION *fresh)
{
    (void)ssl;
    SSL_SESSION_free(session);
    session = fresh;
    return 1;
}

void pki_forget_session(void)
{
    SSL_SESSION_free(session);
    session = NULL;
}

static SSL *make_player(const struct pki_play *play)
{
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    assert_non_null(context);
    SSL_CTX_set_security_level(context, 0); // also what is refused shall be offered
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(context, on_session);
    if (play->version) {
        SSL_CTX_set_min_proto_version(context, play->version);
        SSL_CTX_set_max_proto_version(context, play->version);
    }
    if (play->ciphers)
        assert_true(SSL_CTX_set_cipher_list(context, play->ciphers));
    if (play->groups)
        assert_true(SSL_CTX_set1_groups_list(context, play->groups));
    if (play->signatures)
        assert_true(SSL_CTX_set1_sigalgs_list(context, play->signatures));
    if (play->alpn)
        SSL_CTX_set_alpn_protos(context, (const unsigned char *)play->alpn,
                                (unsigned)strlen(play->alpn));
    if (play->pair) {
        assert_true(SSL_CTX_use_certificate(context, play->pair->certificate));
        assert_true(SSL_CTX_use_PrivateKey(context, play->pair->key));
    }
    SSL *player = SSL_new(context);
    SSL_CTX_free(context);
    if (play->name)
        assert_true(SSL_set_tlsext_host_name(player, play->name));
    if (play->session_is_kept && session)
        assert_true(SSL_set_session(player, session));
    return player;
}

SSL *pki_play(SSL_CTX *context, const struct pki_play *play, SSL **game_side)
{
    BIO *a, *b;
    char byte;
    SSL *player = make_player(play);
    SSL *game = SSL_new(context);
    assert_true(BIO_new_bio_pair(&a, 1 << 16, &b, 1 << 16));
    SSL_set_bio(player, a, a);
    SSL_set_bio(game, b, b);
    SSL_set_connect_state(player);
    SSL_set_accept_state(game);
    for (int turn = 0; turn < 10; turn++) {
        SSL_do_handshake(player);
        SSL_do_handshake(game);
    }
    SSL_read(player, &byte, 1); // takes the tickets
    ERR_clear_error();
    if (SSL_is_init_finished(player) && SSL_is_init_finished(game)) {
        // TLS 1.2 says nothing of a ticket that renews another.
        if (SSL_version(player) == TLS1_2_VERSION)
            on_session(player, SSL_get1_session(player));
        *game_side = game;
        return player;
    }
    SSL_free(player);
    SSL_free(game);
    return NULL;
}

void pki_end(SSL *player, SSL *game_side)
{
    // Without a close_notify OpenSSL would call the session bad.
    SSL_set_shutdown(player, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_set_shutdown(game_side, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(player);
    SSL_free(game_side);
}
