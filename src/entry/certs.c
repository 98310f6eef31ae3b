// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A listener's OpenSSL contexts: one for each certificate, alike but for it; see
// certs.h. Only what can be taken over after the handshake is offered: TLS 1.3,
// and TLS 1.2 with ECDHE and AEAD. Not set here: key log and message callbacks,
// and ex_data; they belong to the handshake.
//
// Errors: complaints, then NULL.
#include "entry/certs.h"

#include "entry/certs_part.h"
#include "entry/tickets.h"

#include <errno.h>
#include <libgen.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SESSION_S (12 * 3600)

static const char tls12_ciphers[] = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
                                    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
                                    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";
static const char tls13_suites[] =
    "TLS_AES_128_GCM_SHA256:TLS_CHACHA20_POLY1305_SHA256:TLS_AES_256_GCM_SHA384";

// Choose by the name that the player asked for: an exact one before a wildcard, else the default.
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    const struct certs *certs = arg;
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    static const unsigned passes[] = {X509_CHECK_FLAG_NO_WILDCARDS, 0};
    (void)alert;
    if (!name || !*name)
        return SSL_TLSEXT_ERR_NOACK;
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < certs->n; i++)
            if (X509_check_host(certs->leaf[i], name, 0, passes[pass], NULL) == 1) {
                SSL_set_SSL_CTX(ssl, certs->context[i]);
                return SSL_TLSEXT_ERR_OK;
            }
    return SSL_TLSEXT_ERR_NOACK;
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
static void set_alpn(struct certs *certs, const char *names)
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

// Sessions of one listener are not taken by another, which may ask for other certificates.
static bool set_session_context(SSL_CTX *context, const struct conf_listener *listener)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned n_digest;
    return EVP_Digest(listener->name, strlen(listener->name), digest, &n_digest, EVP_sha256(),
                      NULL) &&
           SSL_CTX_set_session_id_context(context, digest, SSL_MAX_SID_CTX_LENGTH);
}

static bool set_client_ca(SSL_CTX *context, const STACK_OF(X509) * authorities)
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

static SSL_CTX *make_context(struct certs *certs, const struct conf_listener *listener,
                             const STACK_OF(X509) * authorities)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, listener->tls_min) ||
        !SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) ||
        !SSL_CTX_set_cipher_list(context, tls12_ciphers) ||
        !SSL_CTX_set_ciphersuites(context, tls13_suites) ||
        !SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") ||
        !set_session_context(context, listener) || !set_client_ca(context, authorities)) {
        SSL_CTX_free(context);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    SSL_CTX_clear_options(context, SSL_OP_NO_TICKET);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_timeout(context, SESSION_S);
    // Bytes that OpenSSL had read ahead would be lost at the takeover.
    SSL_CTX_set_read_ahead(context, 0);
    SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(context, certs);
    if (certs->n_alpn)
        SSL_CTX_set_alpn_select_cb(context, on_alpn, certs);
    if (listener->client_certificates == CONF_CLIENT_CERTIFICATES_ASK)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, on_verify);
    if (listener->client_certificates == CONF_CLIENT_CERTIFICATES_REQUIRE)
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    tickets_attach(context);
    return context;
}

static void complain_openssl(struct certs_report *report, const char *path, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    certs_complain(report, path,
                   "OpenSSL does not take the %s: %s; make an ECDSA P-256 or an RSA "
                   "2048 one",
                   what, reason ? reason : "no reason given");
    ERR_clear_error();
}

static bool use_file(SSL_CTX *context, const struct certs_file *file, struct certs_report *report)
{
    if (SSL_CTX_use_certificate(context, sk_X509_value(file->chain, 0)) != 1) {
        complain_openssl(report, file->path, "certificate");
        return false;
    }
    for (int i = 1; i < sk_X509_num(file->chain); i++)
        if (SSL_CTX_add1_chain_cert(context, sk_X509_value(file->chain, i)) != 1) {
            complain_openssl(report, file->path, "chain");
            return false;
        }
    if (SSL_CTX_use_PrivateKey(context, file->key) != 1) {
        complain_openssl(report, file->key_path, "key");
        return false;
    }
    return true;
}

// Is there a cipher suite for this kind of key?
static bool is_usable(const EVP_PKEY *key)
{
    int kind = EVP_PKEY_get_base_id(key);
    return kind == EVP_PKEY_RSA || kind == EVP_PKEY_RSA_PSS || kind == EVP_PKEY_EC ||
           kind == EVP_PKEY_ED25519 || kind == EVP_PKEY_ED448;
}

static void load_one(struct certs *certs, const struct conf_listener *listener,
                     const STACK_OF(X509) * authorities, struct certs_file *file,
                     struct certs_report *report)
{
    int n_before = report->n_complaints;
    SSL_CTX *context = NULL;
    file->chain = certs_read_chain(file->path, report);
    if (file->chain) // one complaint about a common file is enough
        file->key = certs_read_key(file->key_path, report);
    if (file->chain && file->key && !is_usable(file->key))
        certs_complain(report, file->key_path,
                       "no cipher suite takes this kind of key; make an ECDSA P-256 or an RSA 2048 "
                       "one");
    else if (file->chain && file->key)
        certs_check(file, report);
    if (report->n_complaints == n_before) {
        context = make_context(certs, listener, authorities);
        if (!context)
            complain_openssl(report, file->path, "settings");
        else if (use_file(context, file, report)) {
            X509_up_ref(sk_X509_value(file->chain, 0));
            certs->leaf[certs->n] = sk_X509_value(file->chain, 0);
            certs->context[certs->n++] = context;
            context = NULL;
        }
    }
    SSL_CTX_free(context);
    sk_X509_pop_free(file->chain, X509_free);
    EVP_PKEY_free(file->key);
}

// The certificate of a listener that names none.
static void load_own(struct certs *certs, const struct conf *conf,
                     const struct conf_listener *listener, const STACK_OF(X509) * authorities,
                     bool may_make, struct certs_report *report)
{
    char *copy = strdup(conf->path), *path = NULL;
    if (!copy || asprintf(&path, "%s/stayd-selfsigned.pem", dirname(copy)) < 0) {
        certs_complain(report, conf->path, "out of memory; free some");
    } else if (access(path, F_OK) != 0 && errno == ENOENT && !may_make) {
        certs_remark(report, path,
                     "[listen %s] names no certificate, so this self-signed one will be made",
                     listener->name);
    } else if (access(path, F_OK) == 0 || errno != ENOENT || certs_make_own(path, report)) {
        struct certs_file file = {.path = path, .key_path = path, .is_own = true};
        load_one(certs, listener, authorities, &file, report);
    }
    free(path);
    free(copy);
}

struct certs *certs_load(const struct conf *conf, const struct conf_listener *listener,
                         bool may_make, FILE *complaints, FILE *remarks)
{
    struct certs_report report = {.complaints = complaints, .remarks = remarks};
    struct certs *certs = calloc(1, sizeof *certs);
    STACK_OF(X509) *authorities = NULL;
    if (!certs) {
        certs_complain(&report, conf->path, "out of memory; free some");
        return NULL;
    }
    set_alpn(certs, listener->alpn);
    if (listener->client_ca)
        authorities = certs_read_chain(listener->client_ca, &report);
    for (unsigned i = 0; i < listener->n_certificates; i++) {
        const char *key = listener->key[i];
        struct certs_file file = {.path = listener->certificate[i],
                                  .key_path = key ? key : listener->certificate[i]};
        load_one(certs, listener, authorities, &file, &report);
    }
    if (listener->n_certificates == 0)
        load_own(certs, conf, listener, authorities, may_make, &report);
    sk_X509_pop_free(authorities, X509_free);
    if (report.n_complaints == 0)
        certs_try(certs, listener, &report);
    if (report.n_complaints) {
        certs_free(certs);
        return NULL;
    }
    return certs;
}

void certs_free(struct certs *certs)
{
    if (!certs)
        return;
    for (unsigned i = 0; i < certs->n; i++) {
        SSL_CTX_free(certs->context[i]);
        X509_free(certs->leaf[i]);
    }
    free(certs);
}

SSL_CTX *certs_context(const struct certs *certs)
{
    return certs->context[0];
}

void certs_each(const struct certs *certs, void (*fn)(SSL_CTX *context, void *arg), void *arg)
{
    for (unsigned i = 0; i < certs->n; i++)
        fn(certs->context[i], arg);
}
