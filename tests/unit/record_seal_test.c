// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Records that we seal: their room and their level, again and in turns, and the ends of sequence
// numbers and keys.
//
// Errors: a failed assertion fails the test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "record/record_alert.h"
#include "record_stream.h"

#include <string.h>

static void test_sequence_numbers_do_not_wrap(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 2u * RECORD_N_CIPHERS; i++) {
        struct stream stream = stream_begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2));
        struct record_state next;
        struct record_key next_key;
        stream.state.seq = UINT64_MAX - 1;
        assert_int_equal(stream_say(&stream, 23, "look", 4), RECORD_TEXT);
        assert_int_equal(stream.state.seq, UINT64_MAX);
        assert_int_equal(stream_say(&stream, 23, "look", 4), RECORD_ALERT);
        assert_true(record_is_worn(&stream.params, &stream.state));
        assert_int_equal(record_seal(&stream.params, &stream.key, &stream.state, text, 1, wire,
                                     sizeof wire, &next),
                         0);
        assert_int_equal(record_seal_alert(&stream.params, &stream.key, &stream.state, 0, wire,
                                           sizeof wire, &next),
                         0);
        assert_int_equal(record_seal_key_update(&stream.params, &stream.key, &stream.state, false,
                                                wire, sizeof wire, &next, &next_key),
                         0);
    }
}

static void test_sealing_takes_the_room_it_needs(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {0, 1, 15, 16, 17, 1023, 1024, 1025, 4096, 16383, 16384};
    for (unsigned i = 0; i < 2u * RECORD_N_CIPHERS; i++) {
        struct stream stream = stream_begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2));
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            const size_t n_text = sizes[j];
            struct record_state next = {.seq = 123};
            for (size_t k = 0; k < n_text; k++)
                many[k] = (uint8_t)(k * 31 + n_text);
            const size_t n = record_seal(&stream.params, &stream.key, &stream.state, many, n_text,
                                         wire, n_text + RECORD_OVERHEAD, &next);
            assert_true(n > n_text && n <= n_text + RECORD_OVERHEAD);
            assert_int_equal(next.seq, stream.state.seq + 1);
            assert_int_equal(record_wanted(&stream.params, wire, n), n);
            record_open(&stream.params, &stream.key, &stream.state, wire, n, text, sizeof text,
                        &stream.opened);
            assert_int_equal(stream.opened.status, RECORD_TEXT);
            assert_int_equal(stream.opened.n_text, n_text);
            assert_memory_equal(text, many, n_text);
            next.seq = 123;
            assert_int_equal(record_seal(&stream.params, &stream.key, &stream.state, many, n_text,
                                         wire, n - 1, &next),
                             0);
            assert_int_equal(next.seq, 123);
        }
        assert_int_equal(record_seal(&stream.params, &stream.key, &stream.state, many, 16385, wire,
                                     sizeof wire, &stream.state),
                         0);
    }
}

static void test_no_more_room_is_asked_for_than_is_used(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 2u * RECORD_N_CIPHERS; i++) {
        struct stream stream = stream_begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2));
        struct record_state next;
        const size_t n = record_seal(&stream.params, &stream.key, &stream.state, many, 9, wire,
                                     sizeof wire, &next);
        assert_int_equal(
            record_seal(&stream.params, &stream.key, &stream.state, many, 9, wire, n, &next), n);
        const size_t n_inner = i % 2 ? 9 + 1 : 9;
        record_open(&stream.params, &stream.key, &stream.state, wire, n, text, n_inner,
                    &stream.opened);
        assert_int_equal(stream.opened.status, RECORD_TEXT);
        record_open(&stream.params, &stream.key, &stream.state, wire, n, text, n_inner - 1,
                    &stream.opened);
        assert_int_equal(stream.opened.status, RECORD_FAILED);
    }
}

static void test_a_key_update_that_finds_no_room_is_none(void **unused)
{
    (void)unused;
    struct stream stream = stream_begin(RECORD_TLS13, RECORD_AES_128_GCM);
    struct record_state next = {.seq = 77};
    struct record_key next_key = {.generation = 77};
    assert_int_equal(record_seal_key_update(&stream.params, &stream.key, &stream.state, false, wire,
                                            9, &next, &next_key),
                     0);
    assert_int_equal(next.seq, 77);
    assert_int_equal(next_key.generation, 77);
}

static void test_alerts_have_their_name(void **unused)
{
    (void)unused;
    char name[RECORD_ALERT_NAME_BYTES];
    assert_string_equal(record_alert_name(name, RECORD_OVERFLOW), "record_overflow");
    assert_string_equal(record_alert_name(name, 255), "alert_255");
}

static void test_alerts_have_their_level(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t alert;
        enum record_status in_tls12;
        enum record_status in_tls13;
    } alerts[] = {
        {RECORD_CLOSE_NOTIFY, RECORD_CLOSED, RECORD_CLOSED},
        {RECORD_USER_CANCELED, RECORD_TEXT, RECORD_TEXT},
        {RECORD_NO_RENEGOTIATION, RECORD_TEXT, RECORD_DEAD},
        {RECORD_UNEXPECTED_MESSAGE, RECORD_DEAD, RECORD_DEAD},
        {RECORD_BAD_RECORD_MAC, RECORD_DEAD, RECORD_DEAD},
        {RECORD_OVERFLOW, RECORD_DEAD, RECORD_DEAD},
        {RECORD_HANDSHAKE_FAILURE, RECORD_DEAD, RECORD_DEAD},
        {RECORD_ILLEGAL_PARAMETER, RECORD_DEAD, RECORD_DEAD},
        {RECORD_DECODE_ERROR, RECORD_DEAD, RECORD_DEAD},
        {RECORD_PROTOCOL_VERSION, RECORD_DEAD, RECORD_DEAD},
        {RECORD_INTERNAL_ERROR, RECORD_DEAD, RECORD_DEAD},
    };
    for (unsigned i = 0; i < 2 * sizeof alerts / sizeof alerts[0]; i++) {
        struct stream stream =
            stream_begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, RECORD_AES_128_GCM);
        struct record_state next;
        const uint8_t alert = alerts[i / 2].alert;
        const size_t n = record_seal_alert(&stream.params, &stream.key, &stream.state, alert, wire,
                                           sizeof wire, &next);
        assert_int_equal(n, i % 2 ? 24 : 31);
        assert_int_equal(next.seq, 1);
        record_open(&stream.params, &stream.key, &stream.state, wire, n, text, sizeof text,
                    &stream.opened);
        assert_int_equal(stream.opened.status,
                         i % 2 ? alerts[i / 2].in_tls13 : alerts[i / 2].in_tls12);
        if (stream.opened.status == RECORD_DEAD)
            assert_int_equal(stream.opened.alert, alert);
    }
}

// A worker killed within a step does the step again: same bytes, nothing changed.
static void test_a_step_may_be_done_again(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 2u * RECORD_N_CIPHERS; i++) {
        const struct stream stream =
            stream_begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2));
        const struct stream other = stream_begin(stream.params.version, stream.params.cipher);
        uint8_t first[64];
        uint8_t kept[64];
        struct record_state next;
        struct record_opened opened;
        const size_t n = record_seal(&stream.params, &stream.key, &stream.state,
                                     (const uint8_t *)"You see.", 8, first, sizeof first, &next);
        for (int again = 0; again < 3; again++) {
            uint8_t second[64];
            assert_int_equal(record_seal(&stream.params, &stream.key, &stream.state,
                                         (const uint8_t *)"You see.", 8, second, sizeof second,
                                         &next),
                             n);
            assert_memory_equal(first, second, n);
            memcpy(kept, first, n);
            record_open(&stream.params, &stream.key, &stream.state, first, n, text, sizeof text,
                        &opened);
            assert_int_equal(opened.status, RECORD_TEXT);
            assert_memory_equal(text, "You see.", 8);
            assert_memory_equal(first, kept, n); // never decrypted in place
        }
        assert_memory_equal(&stream.key, &other.key, sizeof other.key);
    }
}

// The contexts are shared: each record brings its own key, however they alternate.
static void test_players_take_turns(void **unused)
{
    (void)unused;
    enum { N = 24 };
    struct stream streams[N];
    for (unsigned i = 0; i < N; i++) {
        streams[i] = stream_begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2 % 3));
        streams[i].key.key[i % 16] ^= (uint8_t)(1 + i); // a key of its own
    }
    for (unsigned i = 0; i < 2000; i++) {
        struct stream *stream = &streams[(i * 7 + i / 5) % N];
        if (i % 11 == 0) { // a forgery between
            memset(wire, 0, 100);
            memcpy(wire, "\27\3\3\0\50", 5);
            record_open(&stream->params, &stream->key, &stream->state, wire, 45, text, sizeof text,
                        &stream->opened);
            assert_int_equal(stream->opened.alert, RECORD_BAD_RECORD_MAC);
        }
        assert_int_equal(stream_say(stream, 23, &i, sizeof i), RECORD_TEXT);
        assert_memory_equal(text, &i, sizeof i);
    }
}

static void test_worn_keys(void **unused)
{
    (void)unused;
    static const struct {
        uint16_t version;
        uint8_t cipher;
        uint64_t limit;
    } limits[] = {
        {RECORD_TLS13, RECORD_AES_128_GCM, 1 << 22},
        {RECORD_TLS13, RECORD_AES_256_GCM, 1 << 22},
        {RECORD_TLS13, RECORD_CHACHA20_POLY1305, 1 << 22},
        {RECORD_TLS12, RECORD_AES_128_GCM, 1 << 24},
        {RECORD_TLS12, RECORD_AES_256_GCM, 1 << 24},
        {RECORD_TLS12, RECORD_CHACHA20_POLY1305, UINT64_MAX - 1024},
    };
    for (size_t i = 0; i < sizeof limits / sizeof limits[0]; i++) {
        const struct record_params params = {limits[i].version, limits[i].cipher};
        const struct record_state fresh = {.seq = 0};
        const struct record_state nearly = {.seq = limits[i].limit - 1};
        const struct record_state worn = {.seq = limits[i].limit};
        assert_false(record_is_worn(&params, &fresh));
        assert_false(record_is_worn(&params, &nearly));
        assert_true(record_is_worn(&params, &worn));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence_numbers_do_not_wrap),
        cmocka_unit_test(test_sealing_takes_the_room_it_needs),
        cmocka_unit_test(test_no_more_room_is_asked_for_than_is_used),
        cmocka_unit_test(test_a_key_update_that_finds_no_room_is_none),
        cmocka_unit_test(test_alerts_have_their_name),
        cmocka_unit_test(test_alerts_have_their_level),
        cmocka_unit_test(test_a_step_may_be_done_again),
        cmocka_unit_test(test_players_take_turns),
        cmocka_unit_test(test_worn_keys),
    };
    return cmocka_run_group_tests(tests, streams_set_up, streams_tear_down);
}
