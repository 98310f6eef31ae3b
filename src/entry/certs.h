// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A listener's certificates as OpenSSL contexts: a default one for clients that
// name no host, others picked by SNI from the names in the certificates
// themselves (subjectAltName, wildcards as in RFC 6125). Of several for one name each
// program gets one with a kind of key that it takes. Loaded by each entry, and
// by processes that only try them.
//
// Errors are words for the operator: which file, what is wrong, what to do.
#ifndef STAYD_ENTRY_CERTS_H
#define STAYD_ENTRY_CERTS_H

#include "conf/conf.h"
#include <openssl/ssl.h>
#include <stdio.h>

struct certs;

#define CERTS_NAME_BYTES 256u

// Kinds of keys. A handshake can have a certificate of each.
enum certs_kind {
    CERTS_OTHER_KEY,
    CERTS_ECDSA,
    CERTS_RSA,
    CERTS_RSA_PSS, // a key that is for nothing else
    CERTS_ED25519,
    CERTS_ED448,
    CERTS_N_KINDS
};
const char *certs_kind_name(enum certs_kind kind); // "ECDSA"

// What is wanted of a load. Two wishes of a reload: what the configuration has named before, and
// what is served.
struct certs_wish {
    bool may_make; // the self-signed certificate; else it is only said that it would be made
    const struct conf_listener *listener_before; // of the same name; NULL: there was none
    const struct certs *before; // ... and its certificates, or a wallet's (wallet.h), or NULL
};

struct certs_loaded {
    struct certs *certs;   // NULL: no memory; it holds no context if no certificate can be used
    unsigned n_complaints; // whatever is wrong, even if it can be served
    unsigned n_kept;       // what is served goes on in the place of what a file has become
    bool can_serve;        // some certificate is at most out of date
    bool has_mistake;      // the configuration names for the first time what cannot be used
    bool has_news;         // something else is served, or trusted, than before
};

// Load and check the certificates of a TLS listener, each by itself: readable, key matches, not
// expired or not yet valid, chain complete and in order, handshakes with ourselves succeed.
// Mistakes are complaints ("FILE: what; what to do"). A certificate with one goes on with what was
// served from the same files before, if that is better; else it is served if it can be (out of
// date, an incomplete chain), and left out if not; a remark says which. What an operator should
// know but can live with (expires soon, self-signed) is a remark, too. With no certificate
// configured, a self-signed one is made once beside the configuration file
// (stayd-selfsigned.pem, mode 0600, of the user that stayd becomes) and its SHA-256 fingerprint
// remarked. wish may be NULL.
struct certs_loaded certs_load(const struct conf *conf, const struct conf_listener *listener,
                               const struct certs_wish *wish, FILE *complaints, FILE *remarks);
void certs_free(struct certs *certs);

// Where the self-signed certificate is, for free(); NULL: no memory.
char *certs_own_path(const struct conf *conf);

// Is there a certificate in it, also one that only is to be kept?
bool certs_has_any(const struct certs *certs);

// The context for a new connection; NULL: no certificate can be used. SNI switches to another one
// by itself.
SSL_CTX *certs_context(const struct certs *certs);

// What there is to know of the n-th certificate. False: there is none; certs may be NULL.
struct certs_fact {
    char name[CERTS_NAME_BYTES]; // a host's, as in the certificate
    enum certs_kind kind;
    int64_t begins_s;  // wall clock, as is
    int64_t expires_s; // ... the first end in its chain
    bool is_issuers;   // expires_s is the end of one that has signed this one
};
bool certs_look(const struct certs *certs, unsigned n, struct certs_fact *fact);

// "2026-11-25T22:14:59Z". Returns text.
#define CERTS_DATE_BYTES 24u
const char *certs_print_date(char text[CERTS_DATE_BYTES], int64_t wall_s);

// How near is the end of a certificate that has this many seconds left of its whole life?
enum certs_end {
    CERTS_ENDS_LATER,
    CERTS_ENDS_SOON,      // in 21 days or less, and in the last quarter of its life
    CERTS_ENDS_SOONER,    // in a week, and in the last eighth
    CERTS_ENDS_VERY_SOON, // in a day, and in the last twelfth
    CERTS_HAS_ENDED,
};
enum certs_end certs_end(int64_t left_s, int64_t life_s);

// The host that the program asks for (SNI), without a dot at its end; "": for none. Returns name.
const char *certs_asked_name(char name[CERTS_NAME_BYTES], const SSL *ssl);

// Call fn for every context, to set callbacks that all of them need.
void certs_each(const struct certs *certs, void (*fn)(SSL_CTX *context, void *arg), void *arg);

#endif
