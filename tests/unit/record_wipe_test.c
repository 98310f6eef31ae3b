// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the record layer keeps of keys and texts, and for how long: the ciphers' contexts, what was
// derived, what OpenSSL has failed at. OpenSSL's calls are counted here, and fail when a test
// wants it.
//
// Errors: a failed assertion fails the test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "record/record.h"
#include "record/record_aead.h"
#include "record/record_key.h"
#include "vault/slot.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <string.h>

static unsigned n_keys, n_blanks; // that ciphers were given
static size_t wiped[16];          // how many bytes each time
static unsigned n_wiped;
static unsigned n_makings_left = UINT32_MAX; // that succeed before one fails
static unsigned n_made, n_freed;             // contexts of ciphers
static bool is_failing_init, is_failing_final, is_failing_update, is_failing_derive, is_half_update;

int __real_EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
                              const unsigned char *key, const unsigned char *iv, int enc,
                              const OSSL_PARAM params[]);
int __wrap_EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
                              const unsigned char *key, const unsigned char *iv, int enc,
                              const OSSL_PARAM params[]);
int __real_EVP_CipherFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *n_out);
int __wrap_EVP_CipherFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *n_out);
int __real_EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *n_out,
                            const unsigned char *in, int n_in);
int __wrap_EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *n_out,
                            const unsigned char *in, int n_in);
int __real_EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *key, size_t n_key,
                          const OSSL_PARAM params[]);
int __wrap_EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *key, size_t n_key,
                          const OSSL_PARAM params[]);
EVP_CIPHER *__real_EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties);
EVP_CIPHER *__wrap_EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties);
EVP_KDF *__real_EVP_KDF_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties);
EVP_KDF *__wrap_EVP_KDF_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties);
EVP_CIPHER_CTX *__real_EVP_CIPHER_CTX_new(void);
EVP_CIPHER_CTX *__wrap_EVP_CIPHER_CTX_new(void);
void __real_EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *ctx);
void __wrap_EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *ctx);
EVP_KDF_CTX *__real_EVP_KDF_CTX_new(EVP_KDF *kdf);
EVP_KDF_CTX *__wrap_EVP_KDF_CTX_new(EVP_KDF *kdf);
void __real_OPENSSL_cleanse(void *bytes, size_t n);
void __wrap_OPENSSL_cleanse(void *bytes, size_t n);

static int refuse(void)
{
    ERR_raise(ERR_LIB_EVP, ERR_R_INTERNAL_ERROR);
    return 0;
}

int __wrap_EVP_CipherInit_ex2(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
                              const unsigned char *key, const unsigned char *iv, int enc,
                              const OSSL_PARAM params[])
{
    static const uint8_t blank[32];
    if (is_failing_init)
        return refuse();
    n_keys += key != NULL;
    n_blanks += key != NULL && memcmp(key, blank, 16) == 0;
    return __real_EVP_CipherInit_ex2(ctx, cipher, key, iv, enc, params);
}

int __wrap_EVP_CipherFinal_ex(EVP_CIPHER_CTX *ctx, unsigned char *out, int *n_out)
{
    return is_failing_final ? refuse() : __real_EVP_CipherFinal_ex(ctx, out, n_out);
}

int __wrap_EVP_CipherUpdate(EVP_CIPHER_CTX *ctx, unsigned char *out, int *n_out,
                            const unsigned char *in, int n_in)
{
    if (out && is_failing_update)
        return refuse();
    int result = __real_EVP_CipherUpdate(ctx, out, n_out, in, n_in);
    if (out && is_half_update)
        *n_out /= 2;
    return result;
}

int __wrap_EVP_KDF_derive(EVP_KDF_CTX *ctx, unsigned char *key, size_t n_key,
                          const OSSL_PARAM params[])
{
    return is_failing_derive ? refuse() : __real_EVP_KDF_derive(ctx, key, n_key, params);
}

static bool may_make(void)
{
    return n_makings_left-- > 0 || refuse();
}

EVP_CIPHER *__wrap_EVP_CIPHER_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
    return may_make() ? __real_EVP_CIPHER_fetch(ctx, name, properties) : NULL;
}

EVP_KDF *__wrap_EVP_KDF_fetch(OSSL_LIB_CTX *ctx, const char *name, const char *properties)
{
    return may_make() ? __real_EVP_KDF_fetch(ctx, name, properties) : NULL;
}

EVP_CIPHER_CTX *__wrap_EVP_CIPHER_CTX_new(void)
{
    EVP_CIPHER_CTX *ctx = may_make() ? __real_EVP_CIPHER_CTX_new() : NULL;
    n_made += ctx != NULL;
    return ctx;
}

void __wrap_EVP_CIPHER_CTX_free(EVP_CIPHER_CTX *ctx)
{
    n_freed += ctx != NULL;
    __real_EVP_CIPHER_CTX_free(ctx);
}

EVP_KDF_CTX *__wrap_EVP_KDF_CTX_new(EVP_KDF *kdf)
{
    return may_make() ? __real_EVP_KDF_CTX_new(kdf) : NULL;
}

void __wrap_OPENSSL_cleanse(void *bytes, size_t n)
{
    if (n_wiped < 16)
        wiped[n_wiped++] = n;
    __real_OPENSSL_cleanse(bytes, n);
}

static bool was_wiped(size_t n)
{
    for (unsigned i = 0; i < n_wiped; i++)
        if (wiped[i] == n)
            return true;
    return false;
}

static void count_anew(void)
{
    n_keys = n_blanks = n_wiped = 0;
}

static const struct record_params params = {RECORD_TLS13, RECORD_AES_256_GCM};
static struct record_key key, other_key;
static uint8_t record[200], sink[200];
static size_t n_record;

static void seal(const struct record_key *with)
{
    struct record_state next;
    const struct record_state state = {.seq = 5};
    n_record = record_seal(&params, with, &state, (const uint8_t *)"look", 4, record, sizeof record,
                           &next);
}

static enum record_status open_it(const struct record_key *with)
{
    struct record_opened opened;
    const struct record_state state = {.seq = 5};
    record_open(&params, with, &state, record, n_record, sink, sizeof sink, &opened);
    return opened.status;
}

static int set_up(void **unused)
{
    (void)unused;
    assert_true(record_init());
    memset(&key, 'k', sizeof key);
    memset(&other_key, 'o', sizeof other_key);
    count_anew();
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    assert_int_equal(ERR_peek_error(), 0);
    record_free();
    return 0;
}

static void a_burst_sets_its_key_once(void **unused)
{
    (void)unused;
    seal(&key);
    seal(&key);
    assert_int_equal(n_keys, 1);
    seal(&other_key);
    assert_int_equal(n_keys, 2);
    assert_int_equal(open_it(&other_key), RECORD_TEXT);
    assert_int_equal(open_it(&other_key), RECORD_TEXT);
    assert_int_equal(n_keys, 3);
    assert_int_equal(n_blanks, 0);
}

static void a_key_that_is_forgotten_is_in_no_context(void **unused)
{
    (void)unused;
    seal(&key);
    assert_int_equal(open_it(&key), RECORD_TEXT);
    count_anew();
    record_forget(&params, &other_key); // nobody has it
    assert_int_equal(n_blanks, 0);
    record_forget(&params, &key);
    assert_int_equal(n_blanks, 2);
    assert_int_equal(n_wiped, 2);
    record_forget(&params, &key);
    assert_int_equal(n_blanks, 2);
    count_anew();
    seal(&key);
    assert_int_equal(open_it(&key), RECORD_TEXT);
    assert_int_equal(n_keys, 2);
    // A key of zeros is one like others: a context that has none does not take it for its own.
    static const struct record_key zeros;
    record_forget(&params, &key);
    count_anew();
    seal(&zeros);
    assert_int_equal(n_keys, 1);
    static const struct record_params unknown = {RECORD_TLS13, RECORD_N_CIPHERS};
    record_forget(&unknown, &key);
}

static void all_are_forgotten_in_every_context(void **unused)
{
    (void)unused;
    record_forget_all();
    assert_int_equal(n_blanks, 2 * RECORD_N_CIPHERS);
    assert_int_equal(n_wiped, 2 * RECORD_N_CIPHERS);
    record_free();
    record_forget_all(); // of none
    assert_true(record_init());
}

static void after_each_failure_neither_text_nor_key_stays(void **unused)
{
    (void)unused;
    seal(&key);
    record[n_record - 1] ^= 1;
    count_anew();
    assert_int_equal(open_it(&key), RECORD_ALERT);
    assert_int_equal(n_blanks, 1);
    record[n_record - 1] ^= 1;
    assert_int_equal(open_it(&key), RECORD_TEXT);
    is_failing_update = true;
    count_anew();
    memset(sink, 's', sizeof sink);
    assert_int_equal(open_it(&key), RECORD_FAILED);
    assert_int_equal(sink[0], 0);
    assert_int_equal(sink[4], 0);
    assert_int_equal(n_blanks, 1);
    is_failing_update = false;
    assert_int_equal(open_it(&key), RECORD_TEXT);
    is_half_update = true;
    assert_int_equal(open_it(&key), RECORD_FAILED);
    is_half_update = false;
    seal(&key);
    is_failing_final = true;
    count_anew();
    seal(&key);
    assert_int_equal(n_record, 0);
    assert_int_equal(n_blanks, 1);
    is_failing_final = false;
    seal(&key);
    assert_true(n_record > 0);
}

static void what_was_derived_is_wiped_where_it_stood(void **unused)
{
    (void)unused;
    struct record_key next, from_client, from_server;
    const struct record_params tls12 = {RECORD_TLS12, RECORD_CHACHA20_POLY1305};
    const struct record_state state = {.seq = 5};
    struct record_state after;
    const uint8_t bytes[48] = {1};
    assert_true(record_key_next(&params, &key, &next));
    assert_int_equal(next.generation, key.generation + 1);
    assert_true(was_wiped(sizeof next)); // what is made
    assert_true(was_wiped(RECORD_SECRET_BYTES));
    count_anew();
    assert_true(record_keys_tls12(&tls12, false, bytes, bytes, bytes, &from_client, &from_server));
    assert_true(was_wiped(2 * (sizeof key.key + sizeof key.iv)));
    count_anew();
    assert_true(record_seal_key_update(&params, &key, &state, false, record, sizeof record, &after,
                                       &next) > 0);
    unsigned n = 0;
    for (unsigned i = 0; i < n_wiped; i++)
        n += wiped[i] == sizeof next;
    assert_int_equal(n, 2); // where it was made, and where it was kept until the record was sealed
}

static void keys_of_tls12_are_nothing_but_their_part_of_the_block(void **unused)
{
    (void)unused;
    static const struct record_params gcm = {RECORD_TLS12, RECORD_AES_128_GCM};
    static const uint8_t blank[32];
    const uint8_t bytes[48] = {1};
    struct record_key from_client = other_key, from_server = other_key;
    assert_true(record_keys_tls12(&gcm, false, bytes, bytes, bytes, &from_client, &from_server));
    const struct record_key *const both[] = {&from_client, &from_server};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(both[i]->generation, 0);
        assert_memory_equal(both[i]->secret, blank, 32);
        assert_memory_equal(both[i]->key + 16, blank, 16);
        assert_memory_equal(both[i]->iv + 4, blank, 8);
    }
    struct record_params none = {RECORD_TLS12, RECORD_N_CIPHERS};
    assert_false(record_keys_tls12(&none, false, bytes, bytes, bytes, &from_client, &from_server));
    none.version = RECORD_TLS13;
    assert_false(record_key_tls13(&none, bytes, 32, &from_client));
}

static void a_derivation_that_fails_changes_nothing(void **unused)
{
    (void)unused;
    struct record_key next = other_key, from_client = other_key, from_server = other_key;
    const uint8_t bytes[48] = {1};
    const struct record_params tls12 = {RECORD_TLS12, RECORD_AES_128_GCM};
    is_failing_derive = true;
    assert_false(record_key_next(&params, &key, &next));
    assert_false(record_keys_tls12(&tls12, false, bytes, bytes, bytes, &from_client, &from_server));
    is_failing_derive = false;
    assert_memory_equal(&next, &other_key, sizeof next);
    assert_memory_equal(&from_client, &other_key, sizeof next);
    assert_memory_equal(&from_server, &other_key, sizeof next);
}

static void a_player_whose_key_cannot_be_derived_is_ended(void **unused)
{
    (void)unused;
    const struct record_state state = {.seq = 5};
    struct record_state after;
    struct record_key next;
    struct record_opened opened;
    n_record =
        record_seal_key_update(&params, &key, &state, false, record, sizeof record, &after, &next);
    assert_true(n_record > 0);
    is_failing_derive = true;
    record_open(&params, &key, &state, record, n_record, sink, sizeof sink, &opened);
    is_failing_derive = false;
    assert_int_equal(opened.status, RECORD_FAILED);
    assert_int_equal(opened.n_read, 0);
}

static void a_library_that_lacks_something_is_not_begun_with(void **unused)
{
    (void)unused;
    static const unsigned n_all = 2 * (2 * RECORD_N_CIPHERS + 2); // to fetch, and to make of it
    record_free();
    for (unsigned n = 0; n < n_all; n++) {
        n_made = n_freed = 0;
        n_makings_left = n;
        assert_false(record_init());
        assert_int_equal(ERR_peek_error(), 0);
        assert_int_equal(n_freed, n_made);
        seal(&key);
        assert_int_equal(n_record, 0);
    }
    n_makings_left = n_all;
    assert_true(record_init());
    assert_int_equal(n_makings_left, 0);
    n_makings_left = UINT32_MAX;
    seal(&key);
    assert_true(n_record > 0);
}

static void a_key_that_cannot_be_set_is_not_taken_for_set(void **unused)
{
    (void)unused;
    for (uint8_t cipher = 0; cipher < RECORD_N_CIPHERS; cipher++) {
        const struct record_params own = {RECORD_TLS13, cipher};
        const struct record_state state = {.seq = 5};
        struct record_state next;
        for (int i = 0; i < 3; i++) { // the second time, while another's key is in there
            is_failing_init = i == 1;
            n_record = record_seal(&own, i == 0 ? &other_key : &key, &state, record, 4, record,
                                   sizeof record, &next);
            assert_int_equal(n_record > 0, i != 1);
        }
        is_failing_init = true;
        record_forget(&own, &key);
        is_failing_init = false;
    }
    assert_int_equal(n_keys - n_blanks, 2 * RECORD_N_CIPHERS);
}

static void only_the_ciphers_own_contexts_forget_a_key(void **unused)
{
    (void)unused;
    static const struct record_params other = {RECORD_TLS13, RECORD_CHACHA20_POLY1305};
    struct record_opened opened;
    const struct record_state state = {.seq = 5};
    struct record_state next;
    n_record =
        record_seal(&other, &key, &state, (const uint8_t *)"look", 4, record, sizeof record, &next);
    record_open(&other, &key, &state, record, n_record, sink, sizeof sink, &opened);
    assert_int_equal(opened.status, RECORD_TEXT);
    seal(&key);
    count_anew();
    record_forget(&params, &key); // of the next cipher's contexts both have the same key
    assert_int_equal(n_blanks, 1);
}

static void a_slots_key_is_wiped_in_the_vault_and_in_the_contexts(void **unused)
{
    (void)unused;
    static struct slot slot;
    static const struct record_key blank;
    slot.tls_version = params.version;
    slot.cipher = params.cipher;
    slot.keys[1] = key;
    seal(&key);
    count_anew();
    slot_wipe_key(&slot, 1);
    assert_int_equal(n_blanks, 1);
    assert_memory_equal(&slot.keys[1], &blank, sizeof blank);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_burst_sets_its_key_once),
        TEST(a_key_that_is_forgotten_is_in_no_context),
        TEST(all_are_forgotten_in_every_context),
        TEST(after_each_failure_neither_text_nor_key_stays),
        TEST(what_was_derived_is_wiped_where_it_stood),
        TEST(keys_of_tls12_are_nothing_but_their_part_of_the_block),
        TEST(a_derivation_that_fails_changes_nothing),
        TEST(a_player_whose_key_cannot_be_derived_is_ended),
        TEST(a_library_that_lacks_something_is_not_begun_with),
        TEST(a_key_that_cannot_be_set_is_not_taken_for_set),
        TEST(only_the_ciphers_own_contexts_forget_a_key),
        TEST(a_slots_key_is_wiped_in_the_vault_and_in_the_contexts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
