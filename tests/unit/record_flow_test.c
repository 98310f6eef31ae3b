// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Records in a row: messages cut over several of them, and keys that follow each other in both
// directions.
//
// Errors: a failed assertion fails the test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "record_stream.h"

#include "record_player.h"

#include <string.h>

static void test_a_key_update_may_be_cut_anywhere(void **unused)
{
    (void)unused;
    static const uint8_t update[5] = {24, 0, 0, 1, 1};
    for (unsigned cuts = 0; cuts < 16; cuts++) { // bit i: a cut after byte i
        struct stream stream = stream_begin(RECORD_TLS13, RECORD_AES_256_GCM);
        size_t from = 0;
        for (size_t i = 0; i < 5; i++) {
            if (i < 4 && !(cuts >> i & 1))
                continue;
            const enum record_status expected = i < 4 ? RECORD_TEXT : RECORD_REKEYED;
            assert_int_equal(stream_say(&stream, 22, update + from, i + 1 - from), expected);
            assert_int_equal(stream.opened.n_text, 0);
            from = i + 1;
        }
        assert_int_equal(stream.state.asks, 1);
        assert_int_equal(stream.state.hs_bytes, 0);
        assert_int_equal(stream.state.seq, 0);
        assert_int_equal(stream_say(&stream, 23, "look", 4), RECORD_TEXT);
        assert_int_equal(stream.opened.n_text, 4);
    }
}

static void test_a_cut_key_update_is_checked_as_a_whole_one(void **unused)
{
    (void)unused;
    struct stream stream = stream_begin(RECORD_TLS13, RECORD_AES_128_GCM);
    assert_int_equal(stream_say(&stream, 22, "\30\0", 2), RECORD_TEXT);
    assert_int_equal(stream_say(&stream, 22, "\0\2", 2), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_DECODE_ERROR);
    assert_int_equal(stream_say(&stream, 22, "\0\1\3", 3), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_ILLEGAL_PARAMETER);
    assert_int_equal(stream_say(&stream, 22, "\0\1\0\30", 4), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_UNEXPECTED_MESSAGE);
    assert_int_equal(stream_say(&stream, 22, "\0\1\0", 3), RECORD_REKEYED);
    assert_int_equal(stream.state.asks, 0); // it did not ask for ours
}

// RFC 8446, section 7.2, computed by HMAC alone.
static void test_each_key_follows_from_the_one_before(void **unused)
{
    (void)unused;
    for (uint8_t cipher = 0; cipher < RECORD_N_CIPHERS; cipher++) {
        struct stream stream = stream_begin(RECORD_TLS13, cipher);
        const size_t n_secret = cipher == RECORD_AES_256_GCM ? 48 : 32;
        const size_t n_key = cipher == RECORD_AES_128_GCM ? 16 : 32;
        uint8_t secret[48];
        memcpy(secret, stream.key.secret, sizeof secret);
        for (uint32_t i = 1; i <= 100; i++) {
            uint8_t next[48];
            uint8_t key[32];
            uint8_t iv[12];
            player_expand_label(secret, n_secret, "traffic upd", next, n_secret);
            memcpy(secret, next, n_secret);
            player_expand_label(secret, n_secret, "key", key, n_key);
            player_expand_label(secret, n_secret, "iv", iv, sizeof iv);
            assert_int_equal(stream_say(&stream, 22, "\30\0\0\1\1", 5), RECORD_REKEYED);
            assert_int_equal(stream.key.generation, i);
            assert_memory_equal(stream.key.secret, secret, n_secret);
            assert_memory_equal(stream.key.key, key, n_key);
            assert_memory_equal(stream.key.iv, iv, sizeof iv);
            assert_int_equal(stream.state.asks, i);
        }
        assert_int_equal(stream_say(&stream, 23, "look", 4), RECORD_TEXT);
    }
}

// What we seal with a KeyUpdate is what a player would: its own reader takes it.
static void test_our_key_update(void **unused)
{
    (void)unused;
    for (uint8_t cipher = 0; cipher < RECORD_N_CIPHERS; cipher++) {
        struct stream ours = stream_begin(RECORD_TLS13, cipher);
        struct record_state reader = {.seq = 9};
        struct record_key reader_key = ours.key;
        struct record_opened opened;
        ours.state.seq = 9;
        for (int asks = 0; asks < 2; asks++) {
            struct record_key next_key;
            struct record_state next;
            size_t n = record_seal_key_update(&ours.params, &ours.key, &ours.state, asks == 1, wire,
                                              sizeof wire, &next, &next_key);
            assert_int_equal(n, 5 + 5 + 1 + 16);
            assert_int_equal(next.seq, 0);
            assert_int_equal(next_key.generation, asks + 1);
            record_open(&ours.params, &reader_key, &reader, wire, n, text, sizeof text, &opened);
            assert_int_equal(opened.status, RECORD_REKEYED);
            assert_int_equal(opened.state.asks, asks);
            assert_memory_equal(&opened.key, &next_key, sizeof next_key);
            ours.key = reader_key = next_key;
            ours.state = next;
            reader = opened.state;
            n = record_seal(&ours.params, &ours.key, &ours.state, (const uint8_t *)"You see.", 8,
                            wire, sizeof wire, &ours.state);
            record_open(&ours.params, &reader_key, &reader, wire, n, text, sizeof text, &opened);
            assert_int_equal(opened.n_text, 8);
            reader = opened.state;
        }
    }
    struct stream old = stream_begin(RECORD_TLS12, RECORD_AES_128_GCM);
    assert_int_equal(record_seal_key_update(&old.params, &old.key, &old.state, false, wire,
                                            sizeof wire, &old.state, &old.key),
                     0); // TLS 1.2 has none
}

static void test_a_client_hello_may_be_cut_anywhere(void **unused)
{
    (void)unused;
    uint8_t hello[HELLO_BYTES];
    stream_put_hello(hello, HELLO_BODY);
    for (size_t first = 1; first < HELLO_BYTES; first++) {
        for (size_t second = 1; first + second < HELLO_BYTES; second++) {
            struct stream stream = stream_begin(RECORD_TLS12, RECORD_AES_128_GCM);
            assert_int_equal(stream_say(&stream, 22, hello, first), RECORD_TEXT);
            assert_int_equal(stream_say(&stream, 22, hello + first, second), RECORD_TEXT);
            assert_int_equal(stream.state.asks, 0);
            assert_int_equal(
                stream_say(&stream, 22, hello + first + second, HELLO_BYTES - first - second),
                RECORD_TEXT);
            assert_int_equal(stream.opened.n_text, 0);
            assert_int_equal(stream.state.asks, 1);
            assert_int_equal(stream.state.hs_bytes, 0);
        }
    }
}

// RFC 5246, section 6.2.1: records of other types may come between its parts.
static void test_text_between_the_parts_of_a_client_hello(void **unused)
{
    (void)unused;
    uint8_t hello[HELLO_BYTES];
    struct stream stream = stream_begin(RECORD_TLS12, RECORD_CHACHA20_POLY1305);
    stream_put_hello(hello, HELLO_BODY);
    for (size_t i = 0; i < HELLO_BYTES; i++) {
        assert_int_equal(stream_say(&stream, 22, hello + i, 1), RECORD_TEXT);
        assert_int_equal(stream_say(&stream, 23, "look", 4), RECORD_TEXT);
        assert_int_equal(stream.opened.n_text, 4);
    }
    assert_int_equal(stream.state.asks, 1);
}

static void test_several_client_hellos_in_one_record(void **unused)
{
    (void)unused;
    struct stream stream = stream_begin(RECORD_TLS12, RECORD_AES_256_GCM);
    for (size_t i = 0; i < 4; i++)
        stream_put_hello(many + i * HELLO_BYTES, HELLO_BODY);
    assert_int_equal(stream_say(&stream, 22, many, 3 * HELLO_BYTES + 7), RECORD_TEXT);
    assert_int_equal(stream.state.asks, 3);
    assert_int_equal(stream.state.hs_bytes, 4);
    assert_int_equal(stream_say(&stream, 22, many + 7, HELLO_BYTES - 7), RECORD_TEXT);
    assert_int_equal(stream.state.asks, 4);
    // After a whole one the next header is read as such.
    memcpy(many + HELLO_BYTES, "\24\0\0\14", 4);
    assert_int_equal(stream_say(&stream, 22, many, HELLO_BYTES + 4), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_UNEXPECTED_MESSAGE);
}

static void test_the_largest_client_hello(void **unused)
{
    (void)unused;
    const size_t n_body = 131396;
    struct stream stream = stream_begin(RECORD_TLS12, RECORD_AES_128_GCM);
    stream_put_hello(many, 100);
    many[1] = (uint8_t)(n_body >> 16);
    many[2] = (uint8_t)(n_body >> 8);
    many[3] = (uint8_t)n_body;
    assert_int_equal(stream_say(&stream, 22, many, 16384), RECORD_TEXT);
    for (size_t left = n_body + 4 - 16384; left > 0;) {
        const size_t n = left < 16384 ? left : 16384;
        assert_int_equal(stream.state.asks, 0);
        assert_int_equal(stream_say(&stream, 22, many, n), RECORD_TEXT);
        left -= n;
    }
    assert_int_equal(stream.state.asks, 1);
}

static void test_asks_go_round(void **unused)
{
    (void)unused;
    struct stream stream = stream_begin(RECORD_TLS13, RECORD_AES_128_GCM);
    stream.state.asks = UINT16_MAX;
    assert_int_equal(stream_say(&stream, 22, "\30\0\0\1\1", 5), RECORD_REKEYED);
    assert_int_equal(stream.state.asks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_key_update_may_be_cut_anywhere),
        cmocka_unit_test(test_a_cut_key_update_is_checked_as_a_whole_one),
        cmocka_unit_test(test_each_key_follows_from_the_one_before),
        cmocka_unit_test(test_our_key_update),
        cmocka_unit_test(test_a_client_hello_may_be_cut_anywhere),
        cmocka_unit_test(test_text_between_the_parts_of_a_client_hello),
        cmocka_unit_test(test_several_client_hellos_in_one_record),
        cmocka_unit_test(test_the_largest_client_hello),
        cmocka_unit_test(test_asks_go_round),
    };
    return cmocka_run_group_tests(tests, streams_set_up, streams_tear_down);
}
