// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Single records: every way in which one can be wrong, with the alert that
// RFC 8446 (section 6.2 and the section cited) or RFC 5246 (7.2.2) names, and what
// must be accepted though it is odd. Each case runs with each cipher, and once more
// with each strict prefix of the record, which may only ever mean MORE or that same alert.
//
// Errors: a failed assertion fails the test; the case's name is printed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/record.h"
#include "record_cases.h"
#include "record_player.h"

#define ROOM 24000u

static const uint8_t zeros[5];
static uint8_t in[ROOM + 64];
static uint8_t text[ROOM];

static int set_up(void **unused)
{
    (void)unused;
    return record_init() ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    record_free();
    return 0;
}

static struct record_key some_key(const struct record_params *params)
{
    uint8_t secret[48];
    struct record_key key;
    memset(secret, 0x5a, sizeof secret);
    assert_true(
        record_key_tls13(params, secret, params->cipher == RECORD_AES_256_GCM ? 48 : 32, &key));
    return key;
}

// Lay the case's record into `in`. Returns its length on the wire.
static size_t make_record(const struct record_params *params, const struct record_key *key,
                          uint64_t seq, const struct record_case *one)
{
    const struct player_record *record = &one->record;
    if (one->form == SEALED)
        return player_seal(params, key, seq, record, in);
    const uint16_t version = record->version != 0 ? record->version : 0x0303;
    memset(in, 0, sizeof in);
    in[0] = record->type;
    in[1] = (uint8_t)(version >> 8);
    in[2] = (uint8_t)version;
    in[3] = (uint8_t)(record->n_content >> 8);
    in[4] = (uint8_t)record->n_content;
    return 5 + (record->n_content < 20000 ? record->n_content : 20000 - 5);
}

static void check_accepted(const struct record_case *one, size_t n_in, uint64_t seq,
                           const struct record_opened *opened)
{
    const bool is_text = one->record.type == 23;
    assert_int_equal(opened->n_read, n_in);
    assert_int_equal(opened->n_text, is_text ? one->record.n_content : 0);
    if (is_text && opened->n_text > 0)
        assert_memory_equal(text, one->record.content, opened->n_text);
    if (opened->status == RECORD_TEXT || opened->status == RECORD_CLOSED)
        assert_int_equal(opened->state.seq, seq + 1);
    if (opened->status == RECORD_REKEYED) {
        assert_int_equal(opened->state.seq, 0);
        assert_int_equal(opened->key.generation, 1);
    }
}

static void run_case(const struct record_params *params, const struct record_case *one)
{
    const struct record_key key = some_key(params);
    const struct record_state state = {.seq = 77, .hs_bytes = one->hs_bytes};
    struct record_opened opened;
    const size_t n_in = make_record(params, &key, state.seq, one);
    record_open(params, &key, &state, in, n_in, text, sizeof text, &opened);
    if (opened.status != one->status || opened.alert != one->alert)
        fail_msg("%04x/%d \"%s\": status %d alert %d, expected %d and %d", params->version,
                 params->cipher, one->name, opened.status, opened.alert, one->status, one->alert);
    if (one->status != RECORD_ALERT) {
        check_accepted(one, n_in, state.seq, &opened);
    } else {
        assert_int_equal(opened.n_read, 0);
        assert_int_equal(opened.n_text, 0);
    }
    // Of the larger records not every prefix, but those about the header and the end.
    for (size_t n = 0; n < n_in; n += n < 64 || n + 64 >= n_in ? 1 : n_in - 64 - n) {
        const size_t n_wanted = record_wanted(params, in, n);
        record_open(params, &key, &state, in, n, text, sizeof text, &opened);
        if (opened.status == RECORD_ALERT) {
            assert_int_equal(opened.alert, one->alert);
            assert_int_equal(n_wanted, RECORD_HEADER_BYTES);
        } else {
            assert_int_equal(opened.status, RECORD_MORE);
            assert_int_equal(n_wanted, n < RECORD_HEADER_BYTES ? 0 : n_in);
        }
        assert_int_equal(opened.n_read, 0);
        assert_int_equal(opened.n_text, 0);
    }
}

static void test_each_record_of_tls13(void **unused)
{
    (void)unused;
    for (uint8_t cipher = 0; cipher < RECORD_N_CIPHERS; cipher++) {
        const struct record_params params = {RECORD_TLS13, cipher};
        for (size_t i = 0; i < n_record_cases_tls13; i++)
            run_case(&params, &record_cases_tls13[i]);
    }
}

static void test_each_record_of_tls12(void **unused)
{
    (void)unused;
    for (uint8_t cipher = 0; cipher < RECORD_N_CIPHERS; cipher++) {
        const struct record_params params = {RECORD_TLS12, cipher};
        for (size_t i = 0; i < n_record_cases_tls12; i++)
            run_case(&params, &record_cases_tls12[i]);
    }
}

// One bit anywhere in a record, of each version and cipher: never text.
static void test_no_bit_may_change(void **unused)
{
    (void)unused;
    const struct record_case look = {.record = {.type = 23, .content = "look", .n_content = 4}};
    for (unsigned i = 0; i < 2u * RECORD_N_CIPHERS; i++) {
        const struct record_params params = {i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2)};
        const struct record_key key = some_key(&params);
        const struct record_state state = {.seq = 5};
        struct record_opened opened;
        const size_t n_in = make_record(&params, &key, state.seq, &look);
        for (size_t bit = 0; bit < 8 * n_in; bit++) {
            in[bit / 8] ^= (uint8_t)(1 << bit % 8);
            record_open(&params, &key, &state, in, n_in, text, sizeof text, &opened);
            assert_true(opened.status == RECORD_ALERT || opened.status == RECORD_MORE);
            assert_int_equal(opened.n_text, 0);
            if (bit / 8 >= RECORD_HEADER_BYTES)
                assert_int_equal(opened.alert, RECORD_BAD_RECORD_MAC);
            in[bit / 8] ^= (uint8_t)(1 << bit % 8);
            record_open(&params, &key, &state, in, n_in, text, sizeof text, &opened);
            assert_int_equal(opened.status, RECORD_TEXT); // a forgery leaves nothing behind
        }
    }
}

static void test_a_record_belongs_to_its_number_and_key(void **unused)
{
    (void)unused;
    const struct record_case look = {.record = {.type = 23, .content = "look", .n_content = 4}};
    for (unsigned i = 0; i < 2u * RECORD_N_CIPHERS; i++) {
        const struct record_params params = {i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2)};
        struct record_key key = some_key(&params);
        struct record_opened opened;
        const size_t n_in = make_record(&params, &key, 5, &look);
        for (uint64_t seq = 0; seq < 10; seq++) {
            const struct record_state state = {.seq = seq};
            record_open(&params, &key, &state, in, n_in, text, sizeof text, &opened);
            assert_int_equal(opened.status, seq == 5 ? RECORD_TEXT : RECORD_ALERT);
        }
        const struct record_state state = {.seq = 5};
        record_open(&params, &key, &state, in, n_in, text, sizeof text, &opened);
        assert_int_equal(opened.status, RECORD_TEXT); // so that the next key is nearly the last one
        const size_t last = params.cipher == RECORD_AES_128_GCM ? 15 : 31;
        key.key[last] ^= 1;
        record_open(&params, &key, &state, in, n_in, text, sizeof text, &opened);
        assert_int_equal(opened.alert, RECORD_BAD_RECORD_MAC);
        key.key[last] ^= 1;
        key.iv[0] ^= 1;
        record_open(&params, &key, &state, in, n_in, text, sizeof text, &opened);
        assert_int_equal(opened.alert, RECORD_BAD_RECORD_MAC);
    }
}

static void test_forged_text_does_not_stay_in_the_buffer(void **unused)
{
    (void)unused;
    const struct record_params params = {RECORD_TLS13, RECORD_AES_128_GCM};
    const struct record_case look = {.record = {.type = 23, .content = "look", .n_content = 4}};
    const struct record_key key = some_key(&params);
    const struct record_state state = {.seq = 0};
    struct record_opened opened;
    const size_t n_in = make_record(&params, &key, 0, &look);
    in[n_in - 1] ^= 1;
    memset(text, 'x', sizeof text);
    record_open(&params, &key, &state, in, n_in, text, sizeof text, &opened);
    assert_int_equal(opened.alert, RECORD_BAD_RECORD_MAC);
    assert_memory_equal(text, zeros, 5);
    assert_int_equal(text[5], 'x');
}

static void test_our_own_failures(void **unused)
{
    (void)unused;
    const struct record_params params = {RECORD_TLS13, RECORD_AES_128_GCM};
    const struct record_case look = {.record = {.type = 23, .content = "look", .n_content = 4}};
    const struct record_key key = some_key(&params);
    const struct record_state state = {.seq = 0};
    struct record_opened opened;
    const size_t n_in = make_record(&params, &key, 0, &look);
    record_open(&params, &key, &state, in, n_in, text, 4, &opened); // no room for the type
    assert_int_equal(opened.status, RECORD_FAILED);
    record_open(&params, &key, &state, in, n_in, text, 5, &opened);
    assert_int_equal(opened.status, RECORD_TEXT);
    static const struct record_params wrong[] = {{0x0302, RECORD_AES_128_GCM},
                                                 {0, 0},
                                                 {RECORD_TLS13, RECORD_N_CIPHERS},
                                                 {RECORD_TLS12, 200}};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct record_state next;
        record_open(&wrong[i], &key, &state, in, n_in, text, sizeof text, &opened);
        assert_int_equal(opened.status, RECORD_FAILED);
        assert_int_equal(opened.n_read, 0);
        assert_int_equal(record_wanted(&wrong[i], in, n_in), RECORD_HEADER_BYTES);
        assert_int_equal(record_seal(&wrong[i], &key, &state, text, 1, in, sizeof in, &next), 0);
    }
}

static void test_without_init_everything_fails(void **unused)
{
    (void)unused;
    const struct record_params params = {RECORD_TLS13, RECORD_CHACHA20_POLY1305};
    const struct record_case look = {.record = {.type = 23, .content = "look", .n_content = 4}};
    const struct record_key key = some_key(&params);
    const struct record_state state = {.seq = 0};
    struct record_opened opened;
    struct record_state next;
    struct record_key made;
    const size_t n_in = make_record(&params, &key, 0, &look);
    record_free();
    record_open(&params, &key, &state, in, n_in, text, sizeof text, &opened);
    assert_int_equal(opened.status, RECORD_FAILED);
    assert_int_equal(record_seal(&params, &key, &state, text, 1, in, sizeof in, &next), 0);
    assert_false(record_key_tls13(&params, text, 32, &made));
    assert_true(record_init());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_record_of_tls13),
        cmocka_unit_test(test_each_record_of_tls12),
        cmocka_unit_test(test_no_bit_may_change),
        cmocka_unit_test(test_a_record_belongs_to_its_number_and_key),
        cmocka_unit_test(test_forged_text_does_not_stay_in_the_buffer),
        cmocka_unit_test(test_our_own_failures),
        cmocka_unit_test(test_without_init_everything_fails),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
