// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Keys of the record layer: TLS 1.3 traffic keys and their successors (RFC 8446,
// sections 7.2 and 7.3), TLS 1.2 key block (RFC 5246, section 6.3), by OpenSSL's
// EVP_KDF "TLS13-KDF" and "TLS1-PRF".
//
// Errors: false when OpenSSL fails or an argument is out of range. Temporaries
// that held key material are wiped on every way out.
#include "record/record_key.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "record/record_aead.h"

static_assert(sizeof(struct record_key) == 96, "the vault's layout");

#define SHA256_BYTES 32u
#define SHA384_BYTES 48u
#define RANDOM_BYTES 32u
#define MASTER_BYTES 48u
#define GCM_SALT_BYTES 4u // RFC 5288, section 3

static EVP_KDF_CTX *expand_ctx;
static EVP_KDF_CTX *prf_ctx;

// OSSL_PARAM wants char * and void * without const, and only reads them.
static char sha256_name[] = "SHA256";
static char sha384_name[] = "SHA384";
static char prefix[] = "tls13 ";
static char key_label[] = "key";
static char iv_label[] = "iv";
static char update_label[] = "traffic upd";
static char block_label[] = "key expansion";

static EVP_KDF_CTX *make_kdf(const char *name)
{
    EVP_KDF *kdf = EVP_KDF_fetch(NULL, name, NULL);
    EVP_KDF_CTX *ctx = kdf != NULL ? EVP_KDF_CTX_new(kdf) : NULL;
    EVP_KDF_free(kdf); // the context holds its own reference
    return ctx;
}

bool record_key_init(void)
{
    expand_ctx = make_kdf(OSSL_KDF_NAME_TLS1_3_KDF);
    prf_ctx = make_kdf(OSSL_KDF_NAME_TLS1_PRF);
    if (expand_ctx != NULL && prf_ctx != NULL)
        return true;
    ERR_clear_error();
    return false;
}

void record_key_free(void)
{
    EVP_KDF_CTX_free(expand_ctx);
    EVP_KDF_CTX_free(prf_ctx);
    expand_ctx = NULL;
    prf_ctx = NULL;
}

// The reset wipes the context's copy of the secret.
static bool derive(EVP_KDF_CTX *ctx, const OSSL_PARAM *params, uint8_t *out, size_t n_out)
{
    if (ctx == NULL)
        return false;
    bool is_derived = EVP_KDF_derive(ctx, out, n_out, params) == 1;
    EVP_KDF_CTX_reset(ctx);
    if (!is_derived)
        ERR_clear_error();
    return is_derived;
}

// Length of the hash that goes with a TLS 1.3 suite (RFC 8446, appendix B.4).
static size_t suite_hash_bytes(const struct record_params *params)
{
    return params->cipher == RECORD_AES_256_GCM ? SHA384_BYTES : SHA256_BYTES;
}

// HKDF-Expand-Label(secret, label, "", n_out) of RFC 8446, section 7.1.
static bool expand_label(const uint8_t *secret, size_t n_secret, char *label, uint8_t *out,
                         size_t n_out)
{
    int mode = EVP_KDF_HKDF_MODE_EXPAND_ONLY;
    const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_KDF_PARAM_MODE, &mode),
        OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST,
                               n_secret == SHA384_BYTES ? sha384_name : sha256_name, 6),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret, n_secret),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_PREFIX, prefix, sizeof prefix - 1),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_LABEL, label, strlen(label)),
        OSSL_PARAM_END,
    };
    return derive(expand_ctx, params, out, n_out);
}

bool record_key_tls13(const struct record_params *params, const uint8_t *secret, size_t n_secret,
                      struct record_key *key)
{
    if (params->cipher >= RECORD_N_CIPHERS || n_secret != suite_hash_bytes(params))
        return false;
    struct record_key made = {.generation = 0};
    memcpy(made.secret, secret, n_secret);
    bool is_made = expand_label(secret, n_secret, key_label, made.key,
                                record_aead_key_bytes(params->cipher)) &&
                   expand_label(secret, n_secret, iv_label, made.iv, sizeof made.iv);
    if (is_made)
        *key = made;
    OPENSSL_cleanse(&made, sizeof made);
    return is_made;
}

bool record_key_next(const struct record_params *params, const struct record_key *key,
                     struct record_key *next)
{
    uint32_t generation = key->generation + 1;
    size_t n_secret = suite_hash_bytes(params);
    uint8_t secret[RECORD_SECRET_BYTES];
    bool is_made = expand_label(key->secret, n_secret, update_label, secret, n_secret) &&
                   record_key_tls13(params, secret, n_secret, next);
    if (is_made)
        next->generation = generation;
    OPENSSL_cleanse(secret, sizeof secret);
    return is_made;
}

bool record_keys_tls12(const struct record_params *params, bool is_sha384, const uint8_t master[48],
                       const uint8_t client_random[32], const uint8_t server_random[32],
                       struct record_key *from_client, struct record_key *from_server)
{
    if (params->cipher >= RECORD_N_CIPHERS)
        return false;
    size_t n_key = record_aead_key_bytes(params->cipher);
    size_t n_iv = params->cipher == RECORD_CHACHA20_POLY1305 ? RECORD_NONCE_BYTES : GCM_SALT_BYTES;
    uint8_t seed[sizeof block_label - 1 + 2 * RANDOM_BYTES];
    uint8_t block[2 * (sizeof from_client->key + sizeof from_client->iv)];
    memcpy(seed, block_label, sizeof block_label - 1);
    memcpy(seed + sizeof block_label - 1, server_random, RANDOM_BYTES);
    memcpy(seed + sizeof block_label - 1 + RANDOM_BYTES, client_random, RANDOM_BYTES);
    const OSSL_PARAM kdf[] = {
        OSSL_PARAM_utf8_string(OSSL_KDF_PARAM_DIGEST, is_sha384 ? sha384_name : sha256_name, 6),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)master, MASTER_BYTES),
        OSSL_PARAM_octet_string(OSSL_KDF_PARAM_SEED, seed, sizeof seed),
        OSSL_PARAM_END,
    };
    bool is_made = derive(prf_ctx, kdf, block, 2 * (n_key + n_iv));
    if (is_made) {
        *from_client = (struct record_key){.generation = 0};
        *from_server = (struct record_key){.generation = 0};
        memcpy(from_client->key, block, n_key);
        memcpy(from_server->key, block + n_key, n_key);
        memcpy(from_client->iv, block + 2 * n_key, n_iv);
        memcpy(from_server->iv, block + 2 * n_key + n_iv, n_iv);
    }
    OPENSSL_cleanse(block, sizeof block);
    return is_made;
}
