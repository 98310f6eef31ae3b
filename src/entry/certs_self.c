// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Makes the self-signed certificate for a listener that names none: ECDSA P-256,
// for this machine's name and for local tries, valid ten years. It is written
// once and kept, because players' programs remember it.
//
// Errors: complaints; no half-written file is left under the final name.
#include "entry/certs_part.h"

#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VALID_DAYS 3650

static bool add_extension(X509 *certificate, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool is_added = extension && X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return is_added;
}

// A host name as gethostname(2) gives it, if it can stand in a certificate.
static void write_names(char *names, size_t size)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
    char host[256] = "";
    snprintf(names, size, "DNS:localhost,IP:127.0.0.1,IP:::1");
    if (gethostname(host, sizeof host - 1) != 0 || !*host || strcmp(host, "localhost") == 0 ||
        strspn(host, plain) != strlen(host))
        return;
    size_t n = strlen(names);
    snprintf(names + n, size - n, ",DNS:%s", host);
}

static bool set_serial(X509 *certificate)
{
    uint8_t bytes[16];
    if (!random_fill(bytes, sizeof bytes))
        return false;
    bytes[0] = (bytes[0] & 0x7f) | 0x40; // positive, and never zero (RFC 5280, section 4.1.2.2)
    BIGNUM *number = BN_bin2bn(bytes, sizeof bytes, NULL);
    bool is_set = number && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return is_set;
}

static X509 *make_certificate(EVP_PKEY *key)
{
    char names[400];
    X509 *certificate = X509_new();
    X509_NAME *subject = certificate ? X509_get_subject_name(certificate) : NULL;
    write_names(names, sizeof names);
    // Programs of players whose clocks are slow shall take it, so it begins a day ago.
    if (certificate && X509_set_version(certificate, X509_VERSION_3) && set_serial(certificate) &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -24L * 3600) &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_DAYS * 24L * 3600) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)"localhost", -1,
                                   -1, 0) &&
        X509_set_issuer_name(certificate, subject) && X509_set_pubkey(certificate, key) &&
        add_extension(certificate, NID_subject_alt_name, names) &&
        add_extension(certificate, NID_basic_constraints, "critical,CA:FALSE") &&
        add_extension(certificate, NID_key_usage, "critical,digitalSignature") &&
        add_extension(certificate, NID_ext_key_usage, "serverAuth") &&
        add_extension(certificate, NID_subject_key_identifier, "hash") &&
        X509_sign(certificate, key, EVP_sha256()))
        return certificate;
    X509_free(certificate);
    return NULL;
}

// The user that stayd becomes reads the file at a reload and an upgrade. A user that does not exist
// is complained about where stayd is to become it.
static bool give_to_user(int fd, const char *name)
{
    const struct passwd *user = name && geteuid() == 0 ? getpwnam(name) : NULL;
    return !user || fchown(fd, user->pw_uid, user->pw_gid) == 0;
}

// Write and rename, so that the file is there whole or not at all. 0, or -1 with errno.
static int write_file(const char *path, const char *user, const char *bytes, size_t n_bytes)
{
    char *folder_copy = strdup(path), *temporary = NULL;
    int outcome = -1, reason = ENOMEM, fd = -1, folder = -1;
    if (folder_copy && asprintf(&temporary, "%s.tmp", path) >= 0) {
        unlink(temporary); // of a start that was killed
        fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd >= 0 && write(fd, bytes, n_bytes) == (ssize_t)n_bytes && give_to_user(fd, user) &&
            fsync(fd) == 0 && rename(temporary, path) == 0)
            outcome = 0;
        reason = errno;
        if (fd >= 0 && outcome != 0)
            unlink(temporary);
        folder = open(dirname(folder_copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (folder >= 0)
            fsync(folder);
    }
    if (fd >= 0)
        close(fd);
    if (folder >= 0)
        close(folder);
    free(temporary);
    free(folder_copy);
    errno = reason;
    return outcome;
}

bool certs_can_make_own(const char *path, struct certs_report *report)
{
    char *copy = strdup(path);
    bool is_able = copy && access(dirname(copy), W_OK | X_OK) == 0;
    if (!is_able)
        certs_complain(report, path,
                       "a self-signed certificate could not be written: %s; let stayd's user "
                       "write there, or name one with certificate = FILE",
                       strerror(errno));
    free(copy);
    return is_able;
}

bool certs_make_own(const char *path, const char *user, struct certs_report *report)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? make_certificate(key) : NULL;
    BIO *bio = BIO_new(BIO_s_secmem());
    bool is_made = false;
    char *bytes;
    if (!bio || !certificate || !PEM_write_bio_X509(bio, certificate) ||
        !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL)) {
        certs_complain(report, path,
                       "a self-signed certificate could not be made (%s); name one with "
                       "certificate = FILE",
                       ERR_reason_error_string(ERR_peek_last_error()));
    } else {
        long n_bytes = BIO_get_mem_data(bio, &bytes);
        is_made = write_file(path, user, bytes, (size_t)n_bytes) == 0;
        if (!is_made)
            certs_complain(report, path,
                           "a self-signed certificate could not be written: %s; let stayd's user "
                           "write there, or name one with certificate = FILE",
                           strerror(errno));
    }
    ERR_clear_error();
    BIO_free(bio);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return is_made;
}
