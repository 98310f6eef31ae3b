// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the files certs*.c share: a certificate file as read, the checks on it, and
// how a mistake is said. Nobody else includes this.
//
// Errors: complaints, counted; remarks.
#ifndef STAYD_ENTRY_CERTS_PART_H
#define STAYD_ENTRY_CERTS_PART_H

#include "conf/conf.h"
#include "entry/certs.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>

#define CERTS_ALPN_BYTES 8192u
#define CERTS_PLACE_BYTES 32u
#define CERTS_SESSION_S (12 * 3600) // after the full handshake a session ends

// The time in which all of a chain is valid that players' programs need; wall clock.
struct certs_life {
    int64_t begins_s;
    int64_t ends_s;
    bool is_issuers; // the end is not the certificate's own, but one's that stands after it
};

// What mistakes mean, from the least to the worst.
enum certs_rank {
    CERTS_GOOD,
    CERTS_OUT_OF_DATE, // expired, or not yet valid: served for want of a better one
    CERTS_WRONG_CHAIN, // some programs take it: served beside better ones
    CERTS_UNUSABLE,
};

struct certs {
    const struct conf *conf; // for the names that lead to games; NULL in a wallet
    const struct conf_listener *listener;
    SSL_CTX *context[CONF_MAX_CERTIFICATES]; // NULL: not to be served, but to be kept (wallet.h)
    X509 *leaf[CONF_MAX_CERTIFICATES];       // the chain's first
    STACK_OF(X509) *chain[CONF_MAX_CERTIFICATES]; // as in the file
    EVP_PKEY *key[CONF_MAX_CERTIFICATES];
    enum certs_kind kind[CONF_MAX_CERTIFICATES]; // the key's
    char *path[CONF_MAX_CERTIFICATES];           // which files it came from
    char *key_path[CONF_MAX_CERTIFICATES];
    struct certs_life life[CONF_MAX_CERTIFICATES];
    unsigned n;
    STACK_OF(X509) *authorities;    // of client-ca, or NULL
    char *authorities_path;         // which file they came from
    uint8_t alpn[CERTS_ALPN_BYTES]; // as on the wire (RFC 7301, section 3.1)
    unsigned n_alpn;
    uint8_t place[CERTS_PLACE_BYTES]; // what a session can be resumed in, but for the name
};

struct certs_report {
    FILE *complaints; // NULL: nobody is told
    FILE *remarks;
    int n_complaints;
    enum certs_rank worst; // of the file that is being looked at
};

// "FILE: what; what to do"
void certs_complain(struct certs_report *report, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), nonnull));
void certs_remark(struct certs_report *report, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), nonnull));
// The same, of a mistake that makes the certificate no worse than `rank`. (One that is given to
// certs_complain makes it unusable.)
void certs_complain_rank(struct certs_report *report, enum certs_rank rank, const char *file,
                         const char *fmt, ...) __attribute__((format(printf, 4, 5), nonnull));

// A certificate with the chain that its file holds, and its key. The certs_file owns both.
struct certs_file {
    const char *path;     // of the certificates
    const char *key_path; // the same, if the key stands there
    bool is_own;          // made by stayd itself
    STACK_OF(X509) *chain;
    EVP_PKEY *key;
};

// Put in one more certificate, which may have no context. Chain and key are shared with the file;
// the context is certs' own from now on. False: no memory, and the context is freed.
bool certs_add(struct certs *certs, const struct certs_file *file, SSL_CTX *context);

// All certificates of a PEM file, at least one. NULL: complained.
STACK_OF(X509) *certs_read_chain(const char *path, struct certs_report *report);

// The private key of a PEM file. NULL: complained.
EVP_PKEY *certs_read_key(const char *path, struct certs_report *report);

// Do key, dates and chain fit, as far as can be seen here? Complaints and remarks.
void certs_check(const struct certs_file *file, struct certs_report *report);

struct certs_life certs_life_of(const X509 *certificate);
struct certs_life certs_life(const STACK_OF(X509) *chain);

// Players' programs need no more of a chain than what leads to a root that they have: do they need
// this one?
bool certs_is_needed(const STACK_OF(X509) *chain, int place);

// "a,b", the configuration's names, as they stand on the wire.
void certs_set_alpn(struct certs *certs, const char *names);

// A server's context without a certificate, with nothing left of what the system's openssl.cnf sets
// and stayd depends on. NULL: OpenSSL's error queue has the reason.
SSL_CTX *certs_make_context(struct certs *certs, const struct conf_listener *listener);

// Tickets of this context bring back only sessions whose full handshake would lead to the same place
// with the same checks. The authorities are in certs, which lives as long as its contexts are used.
// False: OpenSSL's error queue has the reason.
bool certs_bind_sessions(SSL_CTX *context, struct certs *certs,
                         const struct conf_listener *listener);

// The context of a player's program, for certs_try, in one version of TLS, which takes one kind of
// key, or all (CERTS_OTHER_KEY).
SSL_CTX *certs_make_program(const struct certs *certs, int version, enum certs_kind kind);

// Certificates for a host's name, or for "", none: at most one of each kind of key, and at least one
// if there are any. By their places.
struct certs_choice {
    unsigned at[CONF_MAX_CERTIFICATES];
    unsigned n;
};
struct certs_choice certs_choose(const struct certs *certs, const char *name);

// Have handshakes of this context choose so.
void certs_choose_by_name(SSL_CTX *context, struct certs *certs);

// Remark which names have several kinds, and which certificate nobody ever gets.
void certs_remark_choice(const struct certs *certs, const char *listener,
                         struct certs_report *report);

// Can OpenSSL do what TLS takes, as openssl.cnf sets it up? False: complained.
bool certs_can_openssl(struct certs_report *report);

// "; openssl.cnf (FILE) sets CipherString = ..., which may be the reason", or "".
#define CERTS_BLAME_BYTES 512u
const char *certs_blame(char text[CERTS_BLAME_BYTES]);

// OpenSSL does not take something; its error queue says why, and is emptied. context may be NULL.
void certs_complain_openssl(struct certs_report *report, const SSL_CTX *context, const char *path,
                            const char *what);

// Handshakes with ourselves, in memory, with this context of the listener: in each version that the
// listener takes. Complaints, about this file.
void certs_try(const struct certs *certs, SSL_CTX *context, const struct conf_listener *listener,
               const char *file, struct certs_report *report);

// Handshakes that ask for each certificate by its name: is that one chosen?
void certs_try_names(const struct certs *certs, const struct conf_listener *listener,
                     struct certs_report *report);

// The first host name that the certificate is for; its common name, or "-", if there is none.
const char *certs_name(char name[CERTS_NAME_BYTES], X509 *certificate);

// The n-th host that the certificate is for, or one of those that its n-th name, a wildcard, stands
// for. False: it has no more.
bool certs_host(char name[CERTS_NAME_BYTES], X509 *certificate, unsigned n);

// Make a self-signed certificate with its key in one file, for root and user (NULL: nobody else) to
// read. False: complained.
bool certs_make_own(const char *path, const char *user, struct certs_report *report);

// Could it be made there, by who runs now? False: complained.
bool certs_can_make_own(const char *path, struct certs_report *report);

#endif
