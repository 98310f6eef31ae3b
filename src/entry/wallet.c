// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The wallet's bytes (wallet.h). Numbers have four bytes, big-endian, and what has a length has it
// in a number before it. The head is the mark, the version, the body's length and its SHA-256. The
// body:
//
//     number of listeners, and of each
//         its name
//         number of certificates, and of each: path, path of the key, key (PKCS #8), chain
//         path of client-ca, or ""; the authorities
//
// A chain, and authorities, are their number and each as DER.
//
// Errors: as in the header. OpenSSL's error queue is left empty.
#include "entry/wallet.h"

#include "base/bytes.h"
#include "entry/certs.h"
#include "entry/certs_part.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK 0x73777774u // "swwt"
#define VERSION 1u
#define DIGEST_BYTES 32u
#define HEAD_BYTES (12u + DIGEST_BYTES)

struct wallet {
    char name[CONF_MAX_LISTENERS][CONF_NAME_BYTES];
    struct certs *certs[CONF_MAX_LISTENERS];
    unsigned n;
};

static bool make_head(uint8_t head[HEAD_BYTES], const uint8_t *body, size_t n_body)
{
    bytes_put32(head, MARK);
    bytes_put32(head + 4, VERSION);
    bytes_put32(head + 8, (uint32_t)n_body);
    return EVP_Digest(body, n_body, head + 12, NULL, EVP_sha256(), NULL) == 1;
}

// Writing

struct pen {
    BIO *bio;
    bool is_good;
};

static void put_number(struct pen *pen, int number)
{
    uint8_t bytes[4];
    bytes_put32(bytes, (uint32_t)number);
    pen->is_good &= number >= 0 && BIO_write(pen->bio, bytes, sizeof bytes) == sizeof bytes;
}

static void put_text(struct pen *pen, const char *text)
{
    int n = (int)strlen(text);
    put_number(pen, n);
    pen->is_good &= BIO_write(pen->bio, text, n) == n;
}

static void put_chain(struct pen *pen, const STACK_OF(X509) *chain)
{
    int n = chain ? sk_X509_num(chain) : 0;
    put_number(pen, n);
    for (int i = 0; i < n; i++) {
        put_number(pen, i2d_X509(sk_X509_value(chain, i), NULL));
        pen->is_good &= i2d_X509_bio(pen->bio, sk_X509_value(chain, i)) == 1;
    }
}

static void put_key(struct pen *pen, const EVP_PKEY *key)
{
    PKCS8_PRIV_KEY_INFO *plain = EVP_PKEY2PKCS8(key);
    pen->is_good &= plain != NULL;
    if (!plain)
        return;
    put_number(pen, i2d_PKCS8_PRIV_KEY_INFO(plain, NULL));
    pen->is_good &= i2d_PKCS8_PRIV_KEY_INFO_bio(pen->bio, plain) == 1;
    PKCS8_PRIV_KEY_INFO_free(plain);
}

static void put_certs(struct pen *pen, const struct certs *certs)
{
    bool has_authorities = certs->authorities && certs->authorities_path;
    put_number(pen, (int)certs->n);
    for (unsigned i = 0; i < certs->n; i++) {
        put_text(pen, certs->path[i]);
        put_text(pen, certs->key_path[i]);
        put_key(pen, certs->key[i]);
        put_chain(pen, certs->chain[i]);
    }
    put_text(pen, has_authorities ? certs->authorities_path : "");
    put_chain(pen, has_authorities ? certs->authorities : NULL);
}

static void put_listeners(struct pen *pen, const struct conf *conf,
                          struct certs *const certs[CONF_MAX_LISTENERS])
{
    int n = 0;
    for (unsigned i = 0; i < conf->n_listeners; i++)
        n += certs[i] != NULL;
    put_number(pen, n);
    for (unsigned i = 0; i < conf->n_listeners; i++)
        if (certs[i]) {
            put_text(pen, conf->listener[i].name);
            put_certs(pen, certs[i]);
        }
}

static bool write_all(int fd, const uint8_t *bytes, size_t n_bytes, off_t offset)
{
    while (n_bytes > 0) {
        ssize_t n = pwrite(fd, bytes, n_bytes, offset);
        if (n <= 0)
            return false;
        bytes += n;
        offset += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

// The head comes last: what has none is an empty wallet.
static bool write_body(int fd, const uint8_t *body, size_t n_body)
{
    uint8_t head[HEAD_BYTES];
    if (n_body > WALLET_MAX_BYTES - HEAD_BYTES)
        errno = EFBIG;
    else if (!make_head(head, body, n_body))
        errno = ENOMEM;
    else
        return write_all(fd, body, n_body, HEAD_BYTES) && write_all(fd, head, HEAD_BYTES, 0);
    return false;
}

bool wallet_write(int fd, const struct conf *conf, struct certs *const certs[CONF_MAX_LISTENERS])
{
    bool is_written = false;
    if (ftruncate(fd, 0) != 0)
        return false;
    struct pen pen = {.bio = BIO_new(BIO_s_secmem())}; // it wipes what it frees
    pen.is_good = pen.bio != NULL;
    if (pen.is_good)
        put_listeners(&pen, conf, certs);
    if (pen.is_good) {
        char *body = NULL;
        long n_body = BIO_get_mem_data(pen.bio, &body);
        is_written = write_body(fd, (const uint8_t *)body, (size_t)n_body);
    } else {
        errno = ENOMEM;
    }
    int error = errno;
    BIO_free(pen.bio);
    ERR_clear_error();
    if (!is_written && ftruncate(fd, 0) != 0)
        error = errno;
    errno = error;
    return is_written;
}

// Reading

struct bytes {
    const uint8_t *at;
    size_t n;
    bool is_good; // false: they were not what was looked for
};

static uint32_t take_number(struct bytes *bytes)
{
    bytes->is_good &= bytes->n >= 4;
    if (!bytes->is_good)
        return 0;
    uint32_t number = bytes_get32(bytes->at);
    bytes->at += 4;
    bytes->n -= 4;
    return number;
}

static const uint8_t *take_piece(struct bytes *bytes, size_t *n)
{
    *n = take_number(bytes);
    bytes->is_good &= *n <= bytes->n;
    if (!bytes->is_good)
        return NULL;
    const uint8_t *piece = bytes->at;
    bytes->at += *n;
    bytes->n -= *n;
    return piece;
}

// For free(); NULL: it is none.
static char *take_text(struct bytes *bytes)
{
    size_t n;
    const char *piece = (const char *)take_piece(bytes, &n);
    char *text = piece && strnlen(piece, n) == n ? strndup(piece, n) : NULL;
    bytes->is_good &= text != NULL;
    return text;
}

static EVP_PKEY *take_key(struct bytes *bytes)
{
    size_t n;
    const uint8_t *piece = take_piece(bytes, &n);
    const uint8_t *end = piece;
    PKCS8_PRIV_KEY_INFO *plain = piece ? d2i_PKCS8_PRIV_KEY_INFO(NULL, &end, (long)n) : NULL;
    EVP_PKEY *key = plain && end == piece + n ? EVP_PKCS82PKEY(plain) : NULL;
    PKCS8_PRIV_KEY_INFO_free(plain);
    bytes->is_good &= key != NULL;
    return key;
}

static void take_certificate(struct bytes *bytes, STACK_OF(X509) *chain)
{
    size_t n;
    const uint8_t *piece = take_piece(bytes, &n);
    const uint8_t *end = piece;
    X509 *certificate = piece ? d2i_X509(NULL, &end, (long)n) : NULL;
    if (certificate && end == piece + n && sk_X509_push(chain, certificate) > 0)
        return;
    X509_free(certificate);
    bytes->is_good = false;
}

// NULL: there is nothing in it, or no memory.
static STACK_OF(X509) *take_chain(struct bytes *bytes)
{
    uint32_t n = take_number(bytes);
    STACK_OF(X509) *chain = n > 0 ? sk_X509_new_null() : NULL;
    bytes->is_good &= n == 0 || chain;
    for (uint32_t i = 0; i < n && bytes->is_good; i++)
        take_certificate(bytes, chain);
    return chain;
}

static void take_one(struct bytes *bytes, struct certs *certs)
{
    char *path = take_text(bytes);
    char *key_path = take_text(bytes);
    struct certs_file file = {.path = path, .key_path = key_path};
    file.key = take_key(bytes);
    file.chain = take_chain(bytes);
    bytes->is_good &= file.chain && file.key &&
                      X509_check_private_key(sk_X509_value(file.chain, 0), file.key) == 1;
    bytes->is_good = bytes->is_good && certs_add(certs, &file, NULL);
    sk_X509_pop_free(file.chain, X509_free);
    EVP_PKEY_free(file.key);
    free(path);
    free(key_path);
}

static void take_certs(struct bytes *bytes, struct certs *certs)
{
    uint32_t n = take_number(bytes);
    bytes->is_good &= n <= CONF_MAX_CERTIFICATES;
    for (uint32_t i = 0; i < n && bytes->is_good; i++)
        take_one(bytes, certs);
    certs->authorities_path = take_text(bytes);
    certs->authorities = take_chain(bytes);
}

static void take_listener(struct bytes *bytes, struct wallet *wallet)
{
    size_t n;
    const uint8_t *name = take_piece(bytes, &n);
    bytes->is_good &= name && n > 0 && n < CONF_NAME_BYTES && !memchr(name, '\0', n);
    struct certs *certs = bytes->is_good ? calloc(1, sizeof *certs) : NULL;
    bytes->is_good &= certs != NULL;
    if (!certs)
        return;
    memcpy(wallet->name[wallet->n], name, n);
    wallet->certs[wallet->n++] = certs;
    take_certs(bytes, certs);
}

struct wallet *wallet_parse(const uint8_t *body, size_t n_body)
{
    struct bytes bytes = {.at = body, .n = n_body};
    struct wallet *wallet = calloc(1, sizeof *wallet);
    bytes.is_good = wallet != NULL;
    uint32_t n = take_number(&bytes);
    bytes.is_good &= n <= CONF_MAX_LISTENERS;
    for (uint32_t i = 0; i < n && bytes.is_good; i++)
        take_listener(&bytes, wallet);
    ERR_clear_error();
    if (bytes.is_good && bytes.n == 0)
        return wallet;
    wallet_free(wallet);
    return NULL;
}

static bool read_all(int fd, uint8_t *bytes, size_t n_bytes)
{
    off_t offset = 0;
    while (n_bytes > 0) {
        ssize_t n = pread(fd, bytes, n_bytes, offset);
        if (n <= 0)
            return false;
        bytes += n;
        offset += n;
        n_bytes -= (size_t)n;
    }
    return true;
}

struct wallet *wallet_read(int fd)
{
    struct stat facts;
    uint8_t head[HEAD_BYTES];
    struct wallet *wallet = NULL;
    if (fstat(fd, &facts) != 0 || facts.st_size < HEAD_BYTES || facts.st_size > WALLET_MAX_BYTES)
        return NULL;
    size_t n = (size_t)facts.st_size;
    uint8_t *bytes = malloc(n);
    if (bytes && read_all(fd, bytes, n) && make_head(head, bytes + HEAD_BYTES, n - HEAD_BYTES) &&
        memcmp(head, bytes, HEAD_BYTES) == 0)
        wallet = wallet_parse(bytes + HEAD_BYTES, n - HEAD_BYTES);
    ERR_clear_error();
    if (bytes)
        OPENSSL_cleanse(bytes, n);
    free(bytes);
    return wallet;
}

const struct certs *wallet_find(const struct wallet *wallet, const char *listener)
{
    for (unsigned i = 0; wallet && i < wallet->n; i++)
        if (strcmp(wallet->name[i], listener) == 0)
            return wallet->certs[i];
    return NULL;
}

void wallet_free(struct wallet *wallet)
{
    for (unsigned i = 0; wallet && i < wallet->n; i++)
        certs_free(wallet->certs[i]);
    free(wallet);
}
