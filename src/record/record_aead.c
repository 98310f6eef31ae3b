// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// AEAD by OpenSSL's EVP, made for small records: a MUSH line is 20 to 100 bytes,
// and then the set-up costs more than the bytes. So the ciphers are fetched once,
// and the key schedule is left alone when a record has the key of the record
// before it (a burst of one player's): bench/record_speed.c shows what that is worth.
//
// Errors: OpenSSL's failures are returned, its error queue is left empty.
#include "record/record_aead.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <string.h>

#include "record/record_params.h"

#define KEY_BYTES_MAX 32u

// A context and the key it has now.
struct engine {
    EVP_CIPHER_CTX *ctx;
    uint8_t key[KEY_BYTES_MAX];
    bool has_key;
};

enum direction { OPEN = 0, SEAL = 1 };

static const struct {
    const char *name;
    uint8_t n_key;
} ciphers[RECORD_N_CIPHERS] = {
    [RECORD_AES_128_GCM] = {"AES-128-GCM", 16},
    [RECORD_AES_256_GCM] = {"AES-256-GCM", 32},
    [RECORD_CHACHA20_POLY1305] = {"ChaCha20-Poly1305", 32},
};

static struct engine engines[RECORD_N_CIPHERS][2];

static bool make_engine(uint8_t cipher, enum direction direction)
{
    struct engine *engine = &engines[cipher][direction];
    EVP_CIPHER *evp = EVP_CIPHER_fetch(NULL, ciphers[cipher].name, NULL);
    engine->ctx = EVP_CIPHER_CTX_new();
    // The 12-byte nonce is the default of all three.
    bool is_made = evp != NULL && engine->ctx != NULL &&
                   EVP_CipherInit_ex(engine->ctx, evp, NULL, NULL, NULL, direction == SEAL) == 1;
    EVP_CIPHER_free(evp); // the context holds its own reference
    return is_made;
}

bool record_aead_init(void)
{
    for (uint8_t i = 0; i < RECORD_N_CIPHERS; i++) {
        if (!make_engine(i, OPEN) || !make_engine(i, SEAL)) {
            ERR_clear_error();
            return false;
        }
    }
    return true;
}

void record_aead_free(void)
{
    for (size_t i = 0; i < RECORD_N_CIPHERS; i++)
        for (size_t j = 0; j < 2; j++)
            EVP_CIPHER_CTX_free(engines[i][j].ctx);
    OPENSSL_cleanse(engines, sizeof engines);
}

size_t record_aead_key_bytes(uint8_t cipher)
{
    return ciphers[cipher].n_key;
}

// The next record sets its key anew. The context holds the last one in a form of its own, and
// another in its place is what wipes that. It is done after each failure, too: what is in there
// then is not known.
static void forget_key(struct engine *engine)
{
    static const uint8_t blank[KEY_BYTES_MAX];
    if (engine->ctx != NULL)
        EVP_CipherInit_ex2(engine->ctx, NULL, blank, blank, -1, NULL);
    OPENSSL_cleanse(engine->key, sizeof engine->key);
    engine->has_key = false;
    ERR_clear_error(); // what is left there would be blamed on the next handshake
}

void record_aead_forget(uint8_t cipher, const uint8_t *key)
{
    for (size_t i = 0; i < 2; i++) {
        struct engine *engine = &engines[cipher][i];
        if (engine->has_key && memcmp(engine->key, key, ciphers[cipher].n_key) == 0)
            forget_key(engine);
    }
}

void record_aead_forget_all(void)
{
    for (size_t i = 0; i < RECORD_N_CIPHERS; i++)
        for (size_t j = 0; j < 2; j++)
            forget_key(&engines[i][j]);
}

// Give the context key and nonce, and the additional data. params may be NULL.
static bool start(struct engine *engine, uint8_t cipher, const uint8_t *key, const uint8_t *nonce,
                  const OSSL_PARAM *params, const uint8_t *aad, size_t n_aad)
{
    int n_out;
    size_t n_key = ciphers[cipher].n_key;
    if (engine->ctx == NULL)
        return false;
    bool is_same = engine->has_key && memcmp(engine->key, key, n_key) == 0;
    if (EVP_CipherInit_ex2(engine->ctx, NULL, is_same ? NULL : key, nonce, -1, params) != 1)
        return false;
    if (!is_same) {
        memcpy(engine->key, key, n_key);
        engine->has_key = true;
    }
    return EVP_CipherUpdate(engine->ctx, NULL, &n_out, aad, (int)n_aad) == 1;
}

// A stream mode: as many bytes out as in.
static bool cipher_bytes(struct engine *engine, uint8_t *out, const uint8_t *in, size_t n_in)
{
    int n_out = 0;
    return n_in == 0 || (EVP_CipherUpdate(engine->ctx, out, &n_out, in, (int)n_in) == 1 &&
                         (size_t)n_out == n_in);
}

enum record_aead_result record_aead_open(uint8_t cipher, const uint8_t *key,
                                         const uint8_t nonce[RECORD_NONCE_BYTES],
                                         const uint8_t *aad, size_t n_aad, const uint8_t *in,
                                         size_t n_in, uint8_t *out)
{
    struct engine *engine = &engines[cipher][OPEN];
    size_t n_text = n_in - RECORD_TAG_BYTES;
    uint8_t tag[RECORD_TAG_BYTES];
    uint8_t rest[EVP_MAX_BLOCK_LENGTH];
    int n_rest = 0;
    memcpy(tag, in + n_text, sizeof tag);
    const OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, tag, sizeof tag),
        OSSL_PARAM_END,
    };
    if (!start(engine, cipher, key, nonce, params, aad, n_aad) ||
        !cipher_bytes(engine, out, in, n_text)) {
        OPENSSL_cleanse(out, n_text);
        forget_key(engine);
        return RECORD_AEAD_FAILED;
    }
    if (EVP_CipherFinal_ex(engine->ctx, rest, &n_rest) == 1)
        return RECORD_AEAD_DONE;
    OPENSSL_cleanse(out, n_text);
    forget_key(engine);
    return RECORD_AEAD_FORGED;
}

bool record_aead_seal(uint8_t cipher, const uint8_t *key, const uint8_t nonce[RECORD_NONCE_BYTES],
                      const uint8_t *aad, size_t n_aad, const uint8_t *text, size_t n_text,
                      const uint8_t *tail, size_t n_tail, uint8_t *out)
{
    struct engine *engine = &engines[cipher][SEAL];
    uint8_t rest[EVP_MAX_BLOCK_LENGTH];
    int n_rest = 0;
    OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(OSSL_CIPHER_PARAM_AEAD_TAG, out + n_text + n_tail,
                                RECORD_TAG_BYTES),
        OSSL_PARAM_END,
    };
    bool is_sealed = start(engine, cipher, key, nonce, NULL, aad, n_aad) &&
                     cipher_bytes(engine, out, text, n_text) &&
                     cipher_bytes(engine, out + n_text, tail, n_tail) &&
                     EVP_CipherFinal_ex(engine->ctx, rest, &n_rest) == 1 &&
                     EVP_CIPHER_CTX_get_params(engine->ctx, params) == 1;
    if (!is_sealed)
        forget_key(engine);
    return is_sealed;
}
