// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A direction that rekeys whenever its key is worn, with the limit that a test build
// sets (RECORD_WORN_RECORDS=5, see meson.build): no key ever seals more.
//
// Errors: a failed assertion fails the test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/record.h"

static void test_a_key_seals_five_records_and_its_key_update(void **unused)
{
    (void)unused;
    const struct record_params params = {RECORD_TLS13, RECORD_CHACHA20_POLY1305};
    const uint8_t secret[32] = {1};
    struct record_key key;
    struct record_state ours = {.seq = 0};
    struct record_state reader = {.seq = 0};
    assert_true(record_init());
    assert_true(record_key_tls13(&params, secret, sizeof secret, &key));
    for (int i = 0; i < 1000; i++) {
        uint8_t wire[64];
        uint8_t text[64];
        struct record_key next_key = key;
        struct record_opened opened;
        const bool is_worn = record_is_worn(&params, &ours);
        assert_int_equal(is_worn, ours.seq == 5);
        const size_t n = is_worn ? record_seal_key_update(&params, &key, &ours, false, wire,
                                                          sizeof wire, &ours, &next_key)
                                 : record_seal(&params, &key, &ours, (const uint8_t *)&i, sizeof i,
                                               wire, sizeof wire, &ours);
        record_pay(&reader, (uint64_t)i * 10, 0);
        record_open(&params, &key, &reader, wire, n, text, sizeof text, &opened);
        assert_int_equal(opened.status, is_worn ? RECORD_REKEYED : RECORD_TEXT);
        reader = opened.state;
        key = next_key;
        assert_int_equal(reader.seq, ours.seq);
    }
    assert_int_equal(key.generation, 1000 / 6);
    record_free();
}

static void test_tls12_is_given_four_times_as_much(void **unused)
{
    (void)unused;
    const struct record_params params = {RECORD_TLS12, RECORD_AES_128_GCM};
    const struct record_state nearly = {.seq = 19};
    const struct record_state worn = {.seq = 20};
    assert_false(record_is_worn(&params, &nearly));
    assert_true(record_is_worn(&params, &worn));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_seals_five_records_and_its_key_update),
        cmocka_unit_test(test_tls12_is_given_four_times_as_much),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
