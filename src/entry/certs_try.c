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

// NULL: a handshake with this context, and for this host, if there is a name, succeeded, and this
// certificate came; else why not.
static const char *try_one(SSL_CTX *context, SSL_CTX *program, X509 *leaf, const char *name)
{
    SSL *server = SSL_new(context);
    SSL *player = SSL_new(program);
    const char *why = "no memory";
    ERR_clear_error();
    if (join(server, player) && (!name || SSL_set_tlsext_host_name(player, name))) {
        bool is_shaken = shake(server, player);
        const char *reason = ERR_reason_error_string(ERR_peek_error());
        X509 *came = SSL_get0_peer_certificate(player);
        bool is_right = came && X509_cmp(came, leaf) == 0;
        why = !is_shaken ? (reason ? reason : "it does not come to an end")
              : is_right ? NULL
                         : "another certificate was chosen";
    }
    SSL_free(server);
    SSL_free(player);
    ERR_clear_error();
    return why;
}

static void complain(const struct conf_listener *listener, const char *file, int version,
                     const char *name, const char *why, struct certs_report *report)
{
    char blame[CERTS_BLAME_BYTES];
    certs_complain(report, file,
                   "[listen %s] a try with TLS %s%s%s fails: %s; players could not connect, "
                   "so check certificate and settings, or set tls-min = 1.3 if only TLS 1.2 "
                   "fails%s",
                   listener->name, version == TLS1_3_VERSION ? "1.3" : "1.2", *name ? " for " : "",
                   name, why, certs_blame(blame));
}

// The versions that a listener takes, from the one to the other.
static int first_version(const struct conf_listener *listener)
{
    return listener->tls_min <= TLS1_2_VERSION ? TLS1_2_VERSION : TLS1_3_VERSION;
}

void certs_try(const struct certs *certs, SSL_CTX *context, const struct conf_listener *listener,
               const char *file, struct certs_report *report)
{
    for (int version = first_version(listener); version <= TLS1_3_VERSION; version++) {
        SSL_CTX *program = certs_make_program(certs, version, CERTS_OTHER_KEY);
        const char *why = program
                              ? try_one(context, program, SSL_CTX_get0_certificate(context), NULL)
                              : "OpenSSL refuses the version";
        if (why)
            complain(listener, file, version, "", why, report);
        SSL_CTX_free(program);
        ERR_clear_error();
    }
}

// The certificate that a program which takes this kind of key only is to get.
static unsigned find_kind(const struct certs *certs, const char *name, enum certs_kind kind)
{
    const struct certs_choice choice = certs_choose(certs, name);
    unsigned i = 0;
    while (i + 1 < choice.n && certs->kind[choice.at[i]] != kind)
        i++;
    return choice.at[i];
}

void certs_try_names(const struct certs *certs, const struct conf_listener *listener,
                     struct certs_report *report)
{
    char name[CERTS_NAME_BYTES];
    for (unsigned i = 0; i < certs->n; i++) {
        // A name that is no host's cannot be asked for, and one that leads nowhere is refused.
        if (!certs_host(name, certs->leaf[i], 0) ||
            conf_game_for(certs->conf, listener, name, TLS1_3_VERSION) == CONF_NO_GAME)
            continue;
        SSL_CTX *program = certs_make_program(certs, TLS1_3_VERSION, certs->kind[i]);
        X509 *expected = certs->leaf[find_kind(certs, name, certs->kind[i])];
        const char *why =
            program ? try_one(certs->context[0], program, expected, name) : "no memory";
        if (why)
            complain(listener, certs->path[i], TLS1_3_VERSION, name, why, report);
        SSL_CTX_free(program);
        ERR_clear_error();
    }
}
