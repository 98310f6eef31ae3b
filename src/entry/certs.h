// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A listener's certificates as OpenSSL contexts: a default one for clients that
// name no host, others picked by SNI from the names in the certificates
// themselves (subjectAltName, wildcards as in RFC 6125). Loaded by the guard
// before it gives up any right; workers inherit them.
//
// Errors are words for the operator: which file, what is wrong, what to do.
#ifndef STAYD_ENTRY_CERTS_H
#define STAYD_ENTRY_CERTS_H

#include "conf/conf.h"
#include <openssl/ssl.h>
#include <stdio.h>

struct certs;

// Load and check the certificates of a TLS listener: readable, key matches, not
// expired or not yet valid, chain complete and in order, handshakes with ourselves succeed.
// Mistakes that keep TLS from working are complaints ("FILE: what; what to do") and make the result
// NULL; an expired certificate or an incomplete chain is one too. What an operator should know but
// can live with (expires soon, self-signed) goes to `remarks`. With no
// certificate configured, a self-signed one is made once beside the configuration
// file (stayd-selfsigned.pem, mode 0600) and its SHA-256 fingerprint remarked.
// With may_make false (stayd --check) it is only said that one would be made; the result
// then holds no context.
struct certs *certs_load(const struct conf *conf, const struct conf_listener *listener,
                         bool may_make, FILE *complaints, FILE *remarks);
void certs_free(struct certs *certs);

// The context for a new connection; NULL only after may_make was false. SNI switches to another one
// by itself.
SSL_CTX *certs_context(const struct certs *certs);

// What there is to know of the n-th certificate. False: there is none; certs may be NULL.
#define CERTS_FACT_NAME_BYTES 256u
struct certs_fact {
    char name[CERTS_FACT_NAME_BYTES]; // a host's, as in the certificate
    int64_t expires_s;                // wall clock
};
bool certs_look(const struct certs *certs, unsigned n, struct certs_fact *fact);

// "2026-11-25T22:14:59Z". Returns text.
#define CERTS_DATE_BYTES 24u
const char *certs_print_date(char text[CERTS_DATE_BYTES], int64_t wall_s);

// How near is the end of a certificate that has this many seconds left?
enum certs_end {
    CERTS_ENDS_LATER,
    CERTS_ENDS_SOON, // in 21 days or less
    CERTS_ENDS_WITHIN_A_WEEK,
    CERTS_ENDS_WITHIN_A_DAY,
    CERTS_HAS_ENDED,
};
enum certs_end certs_end(int64_t left_s);

// Call fn for every context, to set callbacks that all of them need.
void certs_each(const struct certs *certs, void (*fn)(SSL_CTX *context, void *arg), void *arg);

#endif
