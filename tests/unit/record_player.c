// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See record_player.h. Written for plainness: a context a record, a buffer a
// record, key derivation from HMAC.
//
// Errors: abort.
#include "record_player.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

static void need(int is_good)
{
    if (!is_good)
        abort();
}

static const EVP_CIPHER *evp_of(const struct record_params *params)
{
    switch (params->cipher) {
    case RECORD_AES_128_GCM:
        return EVP_aes_128_gcm();
    case RECORD_AES_256_GCM:
        return EVP_aes_256_gcm();
    default:
        return EVP_chacha20_poly1305();
    }
}

static size_t aead(const struct record_params *params, const struct record_key *key,
                   const uint8_t *nonce, const uint8_t *aad, size_t n_aad, const uint8_t *in,
                   size_t n_in, uint8_t *out)
{
    int n = 0;
    uint8_t none[16];
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    need(ctx != NULL);
    need(EVP_EncryptInit_ex(ctx, evp_of(params), NULL, key->key, nonce));
    need(EVP_EncryptUpdate(ctx, NULL, &n, aad, (int)n_aad));
    if (n_in > 0)
        need(EVP_EncryptUpdate(ctx, out, &n, in, (int)n_in));
    need(EVP_EncryptFinal_ex(ctx, none, &n));
    need(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, out + n_in));
    EVP_CIPHER_CTX_free(ctx);
    return n_in + 16;
}

static void put_header(uint8_t *out, uint8_t type, uint16_t version, size_t n_body)
{
    out[0] = type;
    out[1] = (uint8_t)(version >> 8);
    out[2] = (uint8_t)version;
    out[3] = (uint8_t)(n_body >> 8);
    out[4] = (uint8_t)n_body;
}

static void xor_seq(uint8_t nonce[12], uint64_t seq)
{
    for (int i = 0; i < 8; i++)
        nonce[11 - i] ^= (uint8_t)(seq >> 8 * i);
}

static size_t seal_tls13(const struct record_params *params, const struct record_key *key,
                         uint64_t seq, const struct player_record *record, uint8_t *out)
{
    uint8_t nonce[12];
    size_t n_inner = record->n_content;
    uint8_t *inner = calloc(1, record->n_content + 1 + record->n_padding);
    need(inner != NULL);
    if (n_inner > 0)
        memcpy(inner, record->content, n_inner);
    if (!record->has_no_type)
        inner[n_inner++] = record->type;
    n_inner += record->n_padding;
    memcpy(nonce, key->iv, sizeof nonce);
    xor_seq(nonce, seq);
    put_header(out, record->outer_type != 0 ? record->outer_type : 23,
               record->version != 0 ? record->version : 0x0303, n_inner + 16);
    const size_t n = 5 + aead(params, key, nonce, out, 5, inner, n_inner, out + 5);
    free(inner);
    return n;
}

static size_t seal_tls12(const struct record_params *params, const struct record_key *key,
                         uint64_t seq, const struct player_record *record, uint8_t *out)
{
    const size_t n_explicit = params->cipher == RECORD_CHACHA20_POLY1305 ? 0 : 8;
    uint8_t nonce[12];
    uint8_t aad[13];
    memcpy(nonce, key->iv, sizeof nonce);
    put_header(out, record->type, record->version != 0 ? record->version : 0x0303,
               n_explicit + record->n_content + 16);
    if (n_explicit > 0) {
        // Any unique value will do; not ours, so that it must be read from the record.
        for (size_t i = 0; i < 8; i++)
            out[5 + i] = nonce[4 + i] = (uint8_t)((seq >> 8 * i) ^ 0xa5);
    } else {
        xor_seq(nonce, seq);
    }
    for (int i = 0; i < 8; i++)
        aad[7 - i] = (uint8_t)(seq >> 8 * i);
    put_header(aad + 8, record->type, record->version != 0 ? record->version : 0x0303,
               record->n_content);
    return 5 + n_explicit +
           aead(params, key, nonce, aad, sizeof aad, record->content, record->n_content,
                out + 5 + n_explicit);
}

size_t player_seal(const struct record_params *params, const struct record_key *key, uint64_t seq,
                   const struct player_record *record, uint8_t *out)
{
    return params->version == RECORD_TLS13 ? seal_tls13(params, key, seq, record, out)
                                           : seal_tls12(params, key, seq, record, out);
}

static void hmac(size_t n_hash, const uint8_t *key, size_t n_key, const uint8_t *in, size_t n_in,
                 uint8_t *out)
{
    unsigned int n = 0;
    need(HMAC(n_hash == 48 ? EVP_sha384() : EVP_sha256(), key, (int)n_key, in, n_in, out, &n) !=
         NULL);
    need(n == n_hash);
}

void player_expand_label(const uint8_t *secret, size_t n_secret, const char *label, uint8_t *out,
                         size_t n_out)
{
    uint8_t info[64] = {(uint8_t)(n_out >> 8), (uint8_t)n_out, (uint8_t)(6 + strlen(label))};
    uint8_t block[48];
    const size_t n_label = strlen(label);
    need(n_out <= n_secret && n_label < 40); // so one block is enough
    memcpy(info + 3, "tls13 ", 6);
    memcpy(info + 9, label, n_label);
    info[9 + n_label] = 0;  // empty context
    info[10 + n_label] = 1; // first block
    hmac(n_secret, secret, n_secret, info, 11 + n_label, block);
    memcpy(out, block, n_out);
}

void player_prf(bool is_sha384, const uint8_t *secret, size_t n_secret, const char *label,
                const uint8_t *seed, size_t n_seed, uint8_t *out, size_t n_out)
{
    const size_t n_hash = is_sha384 ? 48 : 32;
    uint8_t a[48 + 160]; // A(i), label, seed
    uint8_t block[48];
    const size_t n_tail = strlen(label) + n_seed;
    need(n_tail <= 160);
    memcpy(a + n_hash, label, strlen(label));
    memcpy(a + n_hash + strlen(label), seed, n_seed);
    hmac(n_hash, secret, n_secret, a + n_hash, n_tail, block);
    while (n_out > 0) {
        memcpy(a, block, n_hash);
        hmac(n_hash, secret, n_secret, a, n_hash + n_tail, block);
        const size_t n = n_out < n_hash ? n_out : n_hash;
        memcpy(out, block, n);
        out += n;
        n_out -= n;
        hmac(n_hash, secret, n_secret, a, n_hash, block);
    }
}

size_t player_unhex(const char *hex, uint8_t *out)
{
    size_t n = 0;
    for (; *hex != '\0'; hex++) {
        if (*hex == ' ')
            continue;
        const char pair[3] = {hex[0], hex[1], '\0'};
        char *rest;
        out[n++] = (uint8_t)strtoul(pair, &rest, 16);
        need(*rest == '\0');
        hex++;
    }
    return n;
}
