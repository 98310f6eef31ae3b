// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Tries a listener's contexts as a player's program would: whole handshakes through two memory
// BIOs, before anybody depends on them. So settings that would lock everybody out are found when
// they are read.
//
// Errors: complaints. OpenSSL's error queue is left empty.
#include "entry/certs_part.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <string.h>

#define TURNS 16 // of a handshake, each of both sides; TLS 1.2 takes three

// Both sides with their ends of the wire joined. False: no memory.
static bool join(SSL *server, SSL *player)
{
    BIO *to_server = BIO_new(BIO_s_mem());
    BIO *to_player = BIO_new(BIO_s_mem());
    if (!server || !player || !to_server || !to_player || !BIO_up_ref(to_server) ||
        !BIO_up_ref(to_player))
        return false; // what has been made is lost, and memory is short anyway
    SSL_set_bio(server, to_server, to_player);
    SSL_set_bio(player, to_player, to_server);
    // Whether a player has a certificate is the player's matter.
    SSL_set_verify(server, SSL_VERIFY_NONE, NULL);
    SSL_set_accept_state(server);
    SSL_set_connect_state(player);
    return true;
}

// One side goes on as far as it can. False: it has failed.
static bool go_on(SSL *side, bool *is_done)
{
    int result = SSL_do_handshake(side);
    *is_done = result == 1;
    return *is_done || SSL_get_error(side, result) == SSL_ERROR_WANT_READ;
}

static bool shake(SSL *server, SSL *player)
{
    bool is_player_done = false;
    bool is_server_done = false;
    for (int i = 0; i < TURNS && !(is_player_done && is_server_done); i++)
        if (!go_on(player, &is_player_done) || !go_on(server, &is_server_done))
            return false;
    return is_player_done && is_server_done;
}

// Is the certificate that came one for this name? Without a name it must be the first one.
static bool is_right(const struct certs *certs, SSL *player, const char *name)
{
    X509 *certificate = SSL_get1_peer_certificate(player);
    bool is_right = certificate && (name ? X509_check_host(certificate, name, 0, 0, NULL) == 1
                                         : X509_cmp(certificate, certs->leaf[0]) == 0);
    X509_free(certificate);
    return is_right;
}

// NULL: it succeeded; else why not.
static const char *try_one(const struct certs *certs, SSL_CTX *program, const char *name)
{
    SSL *server = SSL_new(certs->context[0]);
    SSL *player = SSL_new(program);
    const char *why = "no memory";
    ERR_clear_error();
    if (join(server, player) && (!name || SSL_set_tlsext_host_name(player, name))) {
        bool is_shaken = shake(server, player);
        const char *reason = ERR_reason_error_string(ERR_peek_error());
        why = !is_shaken                      ? (reason ? reason : "it does not come to an end")
              : is_right(certs, player, name) ? NULL
                                              : "another certificate was chosen";
    }
    SSL_free(server);
    SSL_free(player);
    ERR_clear_error();
    return why;
}

static SSL_CTX *make_program(const struct certs *certs, int version)
{
    SSL_CTX *program = SSL_CTX_new(TLS_client_method());
    if (program && SSL_CTX_set_min_proto_version(program, version) &&
        SSL_CTX_set_max_proto_version(program, version) &&
        (certs->n_alpn == 0 || SSL_CTX_set_alpn_protos(program, certs->alpn, certs->n_alpn) == 0))
        return program;
    SSL_CTX_free(program);
    return NULL;
}

// One host's name that this wildcard stands for; other names as they are.
static const char *make_plain(char name[CERTS_NAME_BYTES])
{
    if (*name == '*')
        *name = 'x';
    return name;
}

static void try_version(const struct certs *certs, const struct conf_listener *listener,
                        int version, struct certs_report *report)
{
    SSL_CTX *program = make_program(certs, version);
    const char *word = version == TLS1_3_VERSION ? "1.3" : "1.2";
    char name[CERTS_NAME_BYTES] = "";
    const char *why = program ? try_one(certs, program, NULL) : "no memory";
    unsigned i = 0;
    for (; !why && i < certs->n; i++) {
        make_plain((char *)certs_name(name, certs->leaf[i]));
        // By a name that is not a host's nobody can ask.
        if (X509_check_host(certs->leaf[i], name, 0, 0, NULL) == 1)
            why = try_one(certs, program, name);
    }
    const char *file =
        listener->n_certificates ? listener->certificate[i ? i - 1 : 0] : "stayd-selfsigned.pem";
    if (why)
        certs_complain(report, file,
                       "[listen %s] a try with TLS %s%s%s fails: %s; players could not connect, "
                       "so check certificate and settings, or set tls-min = 1.3 if only TLS 1.2 "
                       "fails",
                       listener->name, word, *name ? " for " : "", name, why);
    SSL_CTX_free(program);
    ERR_clear_error();
}

void certs_try(const struct certs *certs, const struct conf_listener *listener,
               struct certs_report *report)
{
    if (certs->n == 0) // it is still to be made
        return;
    if (listener->tls_min <= TLS1_2_VERSION)
        try_version(certs, listener, TLS1_2_VERSION, report);
    try_version(certs, listener, TLS1_3_VERSION, report);
}
