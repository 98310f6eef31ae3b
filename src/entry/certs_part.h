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

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdio.h>

#define CERTS_ALPN_BYTES 8192u

struct certs {
    SSL_CTX *context[CONF_MAX_CERTIFICATES];
    X509 *leaf[CONF_MAX_CERTIFICATES]; // of the context
    unsigned n;
    uint8_t alpn[CERTS_ALPN_BYTES]; // as on the wire (RFC 7301, section 3.1)
    unsigned n_alpn;
};

struct certs_report {
    FILE *complaints;
    FILE *remarks;
    int n_complaints;
};

// "FILE: what; what to do"
void certs_complain(struct certs_report *report, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void certs_remark(struct certs_report *report, const char *file, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

// A certificate with the chain that its file holds, and its key. The certs_file owns both.
struct certs_file {
    const char *path;     // of the certificates
    const char *key_path; // the same, if the key stands there
    bool is_own;          // made by stayd itself
    STACK_OF(X509) * chain;
    EVP_PKEY *key;
};

// All certificates of a PEM file, at least one. NULL: complained.
STACK_OF(X509) * certs_read_chain(const char *path, struct certs_report *report);

// The private key of a PEM file. NULL: complained.
EVP_PKEY *certs_read_key(const char *path, struct certs_report *report);

// Do key, dates and chain fit, as far as can be seen here? Complaints and remarks.
void certs_check(const struct certs_file *file, struct certs_report *report);

// Handshakes with ourselves, in memory: in each version that the listener takes, without a host's
// name and with one of each certificate. Complaints.
void certs_try(const struct certs *certs, const struct conf_listener *listener,
               struct certs_report *report);

// The first host name that the certificate is for; its common name, or "-", if there is none.
#define CERTS_NAME_BYTES 256u
const char *certs_name(char name[CERTS_NAME_BYTES], X509 *certificate);

// Make a self-signed certificate with its key in one file. False: complained.
bool certs_make_own(const char *path, struct certs_report *report);

#endif
