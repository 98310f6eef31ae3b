// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reads certificates and keys from PEM files, and says in words what is wrong
// with a file that holds something else.
//
// Errors: complaints. OpenSSL's error queue is left empty.
#include "entry/certs_part.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_BYTES (1 << 20)

__attribute__((nonnull(2, 3))) static void write_report(FILE *out, const char *file,
                                                        const char *fmt, va_list arguments)
{
    if (!out)
        return;
    fprintf(out, "%s: ", file);
    vfprintf(out, fmt, arguments);
    fputc('\n', out);
}

void certs_complain(struct certs_report *report, const char *file, const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    write_report(report->complaints, file, fmt, arguments);
    va_end(arguments);
    report->n_complaints++;
    report->worst = CERTS_UNUSABLE;
}

void certs_complain_rank(struct certs_report *report, enum certs_rank rank, const char *file,
                         const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    write_report(report->complaints, file, fmt, arguments);
    va_end(arguments);
    report->n_complaints++;
    if (report->worst < rank)
        report->worst = rank;
}

void certs_remark(struct certs_report *report, const char *file, const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    write_report(report->remarks, file, fmt, arguments);
    va_end(arguments);
}

// The file's bytes. NULL: complained.
static BIO *read_file(const char *path, const char *what, struct certs_report *report)
{
    struct stat facts;
    char part[4096];
    ssize_t n = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    BIO *bio = NULL;
    if (fd < 0) {
        certs_complain(report, path, "the %s cannot be read: %s; %s", what, strerror(errno),
                       errno == EACCES ? "give stayd's user the right to read it"
                                       : "check the path");
    } else if (fstat(fd, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        certs_complain(report, path, "the %s is not a regular file; check the path", what);
    } else if (facts.st_size == 0) {
        certs_complain(report, path, "the %s's file is empty; put the %s there in PEM form", what,
                       what);
    } else if (facts.st_size > FILE_MAX_BYTES) {
        certs_complain(report, path, "the %s's file is larger than 1 MiB; check the path", what);
    } else if ((bio = BIO_new(BIO_s_mem()))) {
        while ((n = read(fd, part, sizeof part)) > 0)
            BIO_write(bio, part, (int)n);
        OPENSSL_cleanse(part, sizeof part);
        if (n < 0) {
            certs_complain(report, path, "the %s cannot be read: %s; check the file", what,
                           strerror(errno));
            BIO_free(bio);
            bio = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return bio;
}

static bool has_text(BIO *bio, const char *text)
{
    char *bytes;
    long n_bytes = BIO_get_mem_data(bio, &bytes);
    return n_bytes > 0 && memmem(bytes, (size_t)n_bytes, text, strlen(text));
}

// Two parts of a file on one line: to OpenSSL the second is not there, or the first is damaged.
static bool is_joined(BIO *bio)
{
    char *bytes;
    long n_bytes = BIO_get_mem_data(bio, &bytes);
    const char *end = n_bytes > 0 ? bytes + n_bytes : NULL;
    for (const char *at = bytes; at && at < end; at++) {
        at = memmem(at, (size_t)(end - at), "-----BEGIN ", 11);
        if (!at)
            return false;
        if (at > bytes && at[-1] == '-')
            return true;
    }
    return false;
}

static void complain_joined(const char *path, struct certs_report *report)
{
    certs_complain(
        report, path,
        "a line end is missing in it before a -----BEGIN (files were joined of which one "
        "ends without it); put one there");
}

static bool is_pem(BIO *bio)
{
    return has_text(bio, "-----BEGIN ");
}

static void complain_form(const char *path, const char *what, const char *command,
                          struct certs_report *report)
{
    certs_complain(report, path,
                   "not in PEM form (no line begins with -----BEGIN); if it is DER, convert it: "
                   "openssl %s -inform der -in FILE -out %s.pem",
                   command, what);
}

STACK_OF(X509) *certs_read_chain(const char *path, struct certs_report *report)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    BIO *bio = read_file(path, "certificate", report);
    bool has_pem = bio && is_pem(bio); // looked at now, because reading uses it up
    bool has_joined = bio && is_joined(bio);
    bool has_trusted = bio && has_text(bio, "-----BEGIN TRUSTED CERTIFICATE-----");
    X509 *certificate;
    ERR_clear_error();
    while (bio && (certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
        sk_X509_push(chain, certificate);
    bool is_at_end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
    ERR_clear_error();
    if (!bio) {
        // said already
    } else if (!has_pem) {
        complain_form(path, "certificate", "x509", report);
    } else if (has_joined) {
        complain_joined(path, report);
        sk_X509_pop_free(chain, X509_free);
        chain = sk_X509_new_null();
    } else if (has_trusted) {
        certs_complain(
            report, path,
            "it holds a TRUSTED CERTIFICATE, a form of OpenSSL's own; convert it: openssl "
            "x509 -in FILE -out NEWFILE");
        sk_X509_pop_free(chain, X509_free);
        chain = sk_X509_new_null();
    } else if (!is_at_end) {
        certs_complain(report, path, "certificate %d in the file is damaged; copy the file again",
                       sk_X509_num(chain) + 1);
        sk_X509_pop_free(chain, X509_free);
        chain = sk_X509_new_null();
    } else if (sk_X509_num(chain) == 0) {
        certs_complain(report, path,
                       "there is no certificate in it (-----BEGIN CERTIFICATE-----); check whether "
                       "certificate and key were exchanged");
    }
    BIO_free(bio);
    if (sk_X509_num(chain) > 0)
        return chain;
    sk_X509_free(chain);
    return NULL;
}

// OpenSSL asks for a passphrase: nobody is there to answer.
static int on_passphrase(char *passphrase, int size, int is_writing, void *was_asked)
{
    (void)passphrase;
    (void)size;
    (void)is_writing;
    *(bool *)was_asked = true;
    return -1;
}

EVP_PKEY *certs_read_key(const char *path, struct certs_report *report)
{
    bool is_encrypted = false;
    EVP_PKEY *key = NULL;
    BIO *bio = read_file(path, "key", report);
    if (!bio)
        return NULL;
    if (!is_pem(bio)) {
        complain_form(path, "key", "pkey", report);
        BIO_free(bio);
        return NULL;
    }
    ERR_clear_error();
    bool is_absent = !has_text(bio, "PRIVATE KEY-----"); // also "EC ..." and "ENCRYPTED ..."
    bool has_joined = is_joined(bio);
    key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, &is_encrypted);
    ERR_clear_error();
    BIO_free(bio);
    if (key)
        return key;
    if (is_encrypted)
        certs_complain(report, path,
                       "the key is encrypted, and nobody is there to type its passphrase; decrypt "
                       "it: openssl pkey -in FILE -out NEWFILE");
    else if (has_joined)
        complain_joined(path, report);
    else if (is_absent)
        certs_complain(
            report, path,
            "there is no private key in it (-----BEGIN PRIVATE KEY-----); name the key's "
            "file with key = FILE");
    else
        certs_complain(report, path, "the private key in it is damaged; copy the file again");
    return NULL;
}
