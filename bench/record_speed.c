// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a record costs: opening and sealing 64 bytes and 16 kB with each cipher, by
// record.h and, beside it, by bare EVP calls on one context that is given key and
// nonce each time. "burst" is one key again and again, "turns" another key each
// record, as with many players. Prints nanoseconds, the best of ROUNDS rounds.
//
// Errors: any failure ends the program with a message and status 1.
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "record/record.h"

#define ROUNDS 15
#define N_KEYS 64u

static const char *const evp_names[RECORD_N_CIPHERS] = {"AES-128-GCM", "AES-256-GCM",
                                                        "ChaCha20-Poly1305"};
static struct record_key keys[N_KEYS];
static uint8_t text[RECORD_MAX_TEXT + RECORD_OVERHEAD];
static uint8_t plain[RECORD_MAX_TEXT + RECORD_OVERHEAD];
static uint8_t sealed[N_KEYS][RECORD_MAX_BYTES];
static EVP_CIPHER_CTX *contexts[2];

static void need(bool is_good, const char *what)
{
    if (is_good)
        return;
    fprintf(stderr, "record_speed: %s failed\n", what);
    exit(1);
}

struct work {
    struct record_params params;
    size_t n_text;
    size_t n_keys;
};

static void open_one(const struct work *work, size_t i)
{
    const struct record_state start = {.seq = 0};
    struct record_opened opened;
    record_open(&work->params, &keys[i], &start, sealed[i], work->n_text + 22, plain, sizeof plain,
                &opened);
    need(opened.status == RECORD_TEXT && opened.n_text == work->n_text, "record_open");
}

static void seal_one(const struct work *work, size_t i)
{
    const struct record_state start = {.seq = 0};
    struct record_state next;
    const size_t n = record_seal(&work->params, &keys[i], &start, text, work->n_text, sealed[i],
                                 sizeof sealed[i], &next);
    need(n == work->n_text + 22, "record_seal");
}

static void evp_open_one(const struct work *work, size_t i)
{
    EVP_CIPHER_CTX *ctx = contexts[0];
    const int n_body = (int)work->n_text + 1;
    int n;
    need(EVP_CipherInit_ex(ctx, NULL, NULL, keys[i].key, keys[i].iv, -1) == 1 &&
             EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_SET_TAG, 16, sealed[i] + 5 + n_body) == 1 &&
             EVP_CipherUpdate(ctx, NULL, &n, sealed[i], 5) == 1 &&
             EVP_CipherUpdate(ctx, plain, &n, sealed[i] + 5, n_body) == 1 &&
             EVP_CipherFinal_ex(ctx, plain, &n) == 1,
         "EVP open");
}

static void evp_seal_one(const struct work *work, size_t i)
{
    EVP_CIPHER_CTX *ctx = contexts[1];
    const int n_body = (int)work->n_text + 1;
    int n;
    need(EVP_CipherInit_ex(ctx, NULL, NULL, keys[i].key, keys[i].iv, -1) == 1 &&
             EVP_CipherUpdate(ctx, NULL, &n, sealed[i], 5) == 1 &&
             EVP_CipherUpdate(ctx, sealed[i] + 5, &n, text, n_body) == 1 &&
             EVP_CipherFinal_ex(ctx, plain, &n) == 1 &&
             EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, 16, sealed[i] + 5 + n_body) == 1,
         "EVP seal");
}

static double now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static double measure(const struct work *work, void (*one)(const struct work *, size_t))
{
    const size_t n = work->n_text > 1000 ? 2000 : 40000;
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        const double start = now_ns();
        for (size_t i = 0; i < n; i++)
            one(work, i % work->n_keys);
        const double each = (now_ns() - start) / (double)n;
        best = each < best ? each : best;
    }
    return best;
}

static void prepare(const struct work *work)
{
    for (size_t i = 0; i < N_KEYS; i++) {
        uint8_t secret[48];
        memset(secret, (int)i, sizeof secret);
        const size_t n_secret = work->params.cipher == RECORD_AES_256_GCM ? 48 : 32;
        need(record_key_tls13(&work->params, secret, n_secret, &keys[i]), "record_key_tls13");
        seal_one(work, i);
    }
    for (int i = 0; i < 2; i++) {
        EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, evp_names[work->params.cipher], NULL);
        EVP_CIPHER_CTX_free(contexts[i]);
        contexts[i] = EVP_CIPHER_CTX_new();
        need(EVP_CipherInit_ex(contexts[i], cipher, NULL, NULL, NULL, i) == 1, "EVP_CipherInit_ex");
        EVP_CIPHER_free(cipher);
    }
}

int main(void)
{
    static const size_t sizes[] = {64, RECORD_MAX_TEXT};
    need(record_init(), "record_init");
    printf("%-18s %6s | %9s %9s %9s | %9s %9s %9s\n", "ns a record", "bytes", "open evp", "turns",
           "burst", "seal evp", "turns", "burst");
    for (uint8_t cipher = 0; cipher < RECORD_N_CIPHERS; cipher++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            struct work turns = {{RECORD_TLS13, cipher}, sizes[i], N_KEYS};
            struct work burst = {{RECORD_TLS13, cipher}, sizes[i], 1};
            prepare(&turns);
            printf("%-18s %6zu | %9.0f %9.0f %9.0f | ", evp_names[cipher], sizes[i],
                   measure(&turns, evp_open_one), measure(&turns, open_one),
                   measure(&burst, open_one));
            printf("%9.0f %9.0f %9.0f\n", measure(&turns, evp_seal_one), measure(&turns, seal_one),
                   measure(&burst, seal_one));
        }
    }
    for (int i = 0; i < 2; i++)
        EVP_CIPHER_CTX_free(contexts[i]);
    record_free();
    return 0;
}
