// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which certificates a handshake can have: those for the name that the player's program asks for,
// the first of each kind of key, an exact name before a wildcard. OpenSSL takes of them what the
// program can, in its order of preference. Without a name, or with one that is in no certificate,
// those that stand for the first name of the first file's.
//
// Errors: a handshake without memory fails.
#include "entry/certs.h"

#include "base/host.h"
#include "entry/certs_part.h"
#include "entry/reason.h"

#include <openssl/x509v3.h>
#include <string.h>

static bool is_kind_chosen(const struct certs *certs, const struct certs_choice *choice,
                           unsigned index)
{
    for (unsigned i = 0; i < choice->n; i++)
        if (certs->kind[choice->at[i]] == certs->kind[index])
            return true;
    return false;
}

static void add_matching(const struct certs *certs, const char *name, struct certs_choice *choice)
{
    static const unsigned passes[] = {X509_CHECK_FLAG_NO_WILDCARDS, 0};
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < certs->n; i++)
            if (!is_kind_chosen(certs, choice, i) &&
                X509_check_host(certs->leaf[i], name, 0, passes[pass], NULL) == 1)
                choice->at[choice->n++] = i;
}

struct certs_choice certs_choose(const struct certs *certs, const char *name)
{
    char first[CERTS_NAME_BYTES];
    struct certs_choice choice = {.n = 0};
    if (*name)
        add_matching(certs, name, &choice);
    if (choice.n > 0 || certs->n == 0)
        return choice;
    choice.n = 1; // the first file's, whatever it is for
    if (certs_host(first, certs->leaf[0], 0))
        add_matching(certs, first, &choice);
    return choice;
}

// Beside the ones that its context has. OpenSSL's second ClientHello brings us here again.
static bool add_more(SSL *ssl, const struct certs *certs, unsigned index)
{
    STACK_OF(X509) *chain = NULL;
    return SSL_CTX_get0_chain_certs(certs->context[index], &chain) == 1 &&
           SSL_use_cert_and_key(ssl, certs->leaf[index], certs->key[index], chain, 1) == 1;
}

const char *certs_asked_name(char name[CERTS_NAME_BYTES], const SSL *ssl)
{
    const char *asked = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
    size_t n = asked ? host_length(asked) : 0;
    n = n < CERTS_NAME_BYTES ? n : 0; // OpenSSL has looked at that
    memcpy(name, asked ? asked : "", n);
    name[n] = '\0';
    return name;
}

// Each name is acknowledged, since one that is in no certificate may still choose the game: of one
// that is not, a session of TLS 1.2 would not know when it is resumed.
static int on_server_name(SSL *ssl, int *alert, void *arg)
{
    char name[CERTS_NAME_BYTES];
    const struct certs *certs = arg;
    certs_asked_name(name, ssl);
    uint16_t version = (uint16_t)SSL_version(ssl);
    if (conf_game_for(certs->conf, certs->listener, name, version) == CONF_NO_GAME) {
        reason_raise(REASON_STRICTER);
        *alert = SSL_AD_UNRECOGNIZED_NAME; // RFC 6066, section 3
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    }
    const struct certs_choice choice = certs_choose(certs, name);
    bool is_set = SSL_set_SSL_CTX(ssl, certs->context[choice.at[0]]) != NULL;
    for (unsigned i = 1; i < choice.n; i++)
        is_set &= add_more(ssl, certs, choice.at[i]);
    if (is_set)
        return *name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
    *alert = SSL_AD_INTERNAL_ERROR;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

void certs_choose_by_name(SSL_CTX *context, struct certs *certs)
{
    SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(context, certs);
}

static bool is_chosen(const struct certs *certs, const char *name, unsigned index)
{
    const struct certs_choice choice = certs_choose(certs, name);
    for (unsigned i = 0; i < choice.n; i++)
        if (choice.at[i] == index)
            return true;
    return false;
}

static bool is_ever_chosen(const struct certs *certs, unsigned index)
{
    char name[CERTS_NAME_BYTES];
    bool is_ever = index == 0;
    for (unsigned n = 0; !is_ever && certs_host(name, certs->leaf[index], n); n++)
        is_ever = is_chosen(certs, name, index);
    return is_ever;
}

static void remark_kinds(const struct certs *certs, unsigned index, const char *listener,
                         struct certs_report *report)
{
    char name[CERTS_NAME_BYTES];
    struct certs_choice choice = {.n = 0};
    if (certs_host(name, certs->leaf[index], 0))
        choice = certs_choose(certs, name);
    for (unsigned i = 1; i < choice.n && choice.at[0] == index; i++)
        certs_remark(report, certs->path[index],
                     "[listen %s] for %s there are this %s certificate and the %s one in %s; each "
                     "player's program gets one that it takes",
                     listener, name, certs_kind_name(certs->kind[index]),
                     certs_kind_name(certs->kind[choice.at[i]]), certs->path[choice.at[i]]);
}

void certs_remark_choice(const struct certs *certs, const char *listener,
                         struct certs_report *report)
{
    for (unsigned i = 0; i < certs->n; i++)
        if (is_ever_chosen(certs, i))
            remark_kinds(certs, i, listener, report);
        else
            certs_remark(report, certs->path[i],
                         "[listen %s] no player gets this certificate, because it is not the first "
                         "one, and for each of its names (if there are any) another one with the "
                         "same kind of key stands before it; remove it",
                         listener);
}
