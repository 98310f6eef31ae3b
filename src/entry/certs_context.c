// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The settings of a listener's OpenSSL contexts. Only what can be taken over after the handshake is
// offered: TLS 1.3, and TLS 1.2 with ECDHE and AEAD. OpenSSL has begun each context with what the
// system's openssl.cnf says; what takeover stands on is set here, whatever that is. Not set here:
// key log and message callbacks, and ex_data; they belong to the handshake.
//
// Errors: NULL, with OpenSSL's reason in its queue.
#include "entry/certs.h"

#include "entry/certs_part.h"
#include "entry/tickets.h"

#include <openssl/err.h>
#include <string.h>

#define N_TICKETS 2 // after a handshake of TLS 1.3, as OpenSSL gives by itself

static const char tls12_ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                                    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
static const char tls13_suites[] =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";

#define PLAIN_GROUPS "X25519:P-256:P-384"
#define HYBRID_GROUP "X25519MLKEM768"

// What is recorded now cannot be read by the computers of later where both sides know the hybrid
// group, which OpenSSL has since 3.5. It stands alone before the rest ("/"): a program that knows it
// and has sent a key share of another group only is asked for one of this.
static bool set_groups(SSL_CTX *context, const char *hybrid, const char *plain)
{
    ERR_set_mark();
    bool is_set = SSL_CTX_set1_groups_list(context, hybrid) == 1;
    ERR_pop_to_mark();
    return is_set || SSL_CTX_set1_groups_list(context, plain) == 1;
}

static int on_alpn(SSL *ssl, const uint8_t **chosen, uint8_t *n_chosen, const uint8_t *offered,
                   unsigned n_offered, void *arg)
{
    const struct certs *certs = arg;
    uint8_t *out = NULL;
    (void)ssl;
    if (SSL_select_next_proto(&out, n_chosen, certs->alpn, certs->n_alpn, offered, n_offered) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL; // RFC 7301, section 3.2
    *chosen = out;
    return SSL_TLSEXT_ERR_OK;
}

// Players' certificates are looked at after the handshake (SSL_get_verify_result).
static int on_verify(int is_verified, X509_STORE_CTX *context)
{
    (void)is_verified;
    (void)context;
    return 1;
}

// "a,b" to 1 'a' 1 'b'. The configuration has checked the lengths.
void certs_set_alpn(struct certs *certs, const char *names)
{
    while (names && *names) {
        size_t n = strcspn(names, ",");
        if (n > 255 || certs->n_alpn + 1 + n > sizeof certs->alpn)
            return;
        certs->alpn[certs->n_alpn] = (uint8_t)n;
        memcpy(certs->alpn + certs->n_alpn + 1, names, n);
        certs->n_alpn += 1 + (unsigned)n;
        names += n + (names[n] == ',');
    }
}

static bool set_client_ca(SSL_CTX *context, const STACK_OF(X509) *authorities)
{
    X509_STORE *store = SSL_CTX_get_cert_store(context);
    // An intermediate authority may be the anchor.
    X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
    for (int i = 0; i < sk_X509_num(authorities); i++)
        if (!X509_STORE_add_cert(store, sk_X509_value(authorities, i)) ||
            !SSL_CTX_add_client_CA(context, sk_X509_value(authorities, i)))
            return false;
    return true;
}

// All options as OpenSSL has them without a file, then ours. What forbids a version stays: that is
// a policy, and tls-min is for the rest. KTLS would give keys and records to the kernel; a
// compressed certificate would be unpacked before its owner is known.
static void set_options(SSL_CTX *context)
{
    uint64_t ours =
        SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_ENABLE_MIDDLEBOX_COMPAT;
#ifdef SSL_OP_NO_RX_CERTIFICATE_COMPRESSION // OpenSSL 3.2
    ours |= SSL_OP_NO_RX_CERTIFICATE_COMPRESSION | SSL_OP_NO_TX_CERTIFICATE_COMPRESSION;
#endif
    SSL_CTX_clear_options(context, SSL_CTX_get_options(context) & ~(uint64_t)SSL_OP_NO_SSL_MASK);
    SSL_CTX_set_options(context, ours);
}

SSL_CTX *certs_make_context(struct certs *certs, const struct conf_listener *listener)
{
    // One that can be both: of a server only OpenSSL 3.5 would complain about what the file says of
    // clients (config_diagnostics, config(5)), and the other way round.
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, listener->tls_min) ||
        !SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) ||
        !SSL_CTX_set_cipher_list(context, tls12_ciphers) ||
        !SSL_CTX_set_ciphersuites(context, tls13_suites) ||
        !set_groups(context, HYBRID_GROUP " / " PLAIN_GROUPS, PLAIN_GROUPS) ||
        !certs_bind_sessions(context, certs, listener) ||
        !set_client_ca(context, certs->authorities)) {
        SSL_CTX_free(context);
        return NULL;
    }
    set_options(context);
    SSL_CTX_set_num_tickets(context, N_TICKETS);
    SSL_CTX_set_block_padding(context, 0);
    // Bytes that OpenSSL had read ahead would be lost at the takeover.
    SSL_CTX_set_read_ahead(context, 0);
    if (certs->n_alpn)
        SSL_CTX_set_alpn_select_cb(context, on_alpn, certs);
    SSL_CTX_set_verify(context, SSL_VERIFY_NONE, NULL);
    if (listener->client_certificates == CONF_CLIENT_CERTIFICATES_ASK)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verify);
    if (listener->client_certificates == CONF_CLIENT_CERTIFICATES_REQUIRE)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    tickets_attach(context);
    return context;
}

// This context, too, has nothing of openssl.cnf but what forbids versions and algorithms.
SSL_CTX *certs_make_program(const struct certs *certs, int version, enum certs_kind kind)
{
    static const char *const signatures[CERTS_N_KINDS] = {
        [CERTS_ECDSA] = "ecdsa_secp256r1_sha256:ecdsa_secp384r1_sha384:ecdsa_secp521r1_sha512",
        [CERTS_RSA] = "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512",
        [CERTS_RSA_PSS] = "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512",
        [CERTS_ED25519] = "ed25519",
        [CERTS_ED448] = "ed448",
    };
    SSL_CTX *program = SSL_CTX_new(TLS_method());
    if (!program || !SSL_CTX_set_min_proto_version(program, version) ||
        !SSL_CTX_set_max_proto_version(program, version) ||
        !SSL_CTX_set_cipher_list(program, tls12_ciphers) ||
        !SSL_CTX_set_ciphersuites(program, tls13_suites) ||
        !set_groups(program, HYBRID_GROUP ":" PLAIN_GROUPS ":P-521", PLAIN_GROUPS ":P-521") ||
        (signatures[kind] && !SSL_CTX_set1_sigalgs_list(program, signatures[kind])) ||
        (certs->n_alpn && SSL_CTX_set_alpn_protos(program, certs->alpn, certs->n_alpn) != 0)) {
        SSL_CTX_free(program);
        return NULL;
    }
    set_options(program);
    SSL_CTX_set_verify(program, SSL_VERIFY_NONE, NULL);
    return program;
}
