// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Records in a row: the caps on those without text.
//
// Errors: a failed assertion fails the test.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "record_stream.h"

static void test_gnutls_may_ask_seventeen_times(void **unused)
{
    (void)unused;
    struct stream stream = stream_begin(RECORD_TLS12, RECORD_AES_256_GCM);
    stream_put_hello(many, 300);
    for (int again = 0; again < 100; again++) { // and again after each line of text
        record_pay(&stream.state, (uint64_t)again * 1000, 0);
        for (int i = 0; i < 17; i++)
            assert_int_equal(stream_say(&stream, 22, many, 304), RECORD_TEXT);
        assert_int_equal(stream_say(&stream, 23, "look", 4), RECORD_TEXT);
    }
    assert_int_equal(stream.state.asks, 1700);
}

static void test_renegotiation_is_refused_so_many_times(void **unused)
{
    (void)unused;
    const size_t n_most = QUIET_MAX - 1; // the record counts, too
    struct stream stream = stream_begin(RECORD_TLS12, RECORD_AES_128_GCM);
    for (size_t i = 0; i < n_most + 1; i++)
        stream_put_hello(many + i * HELLO_BYTES, HELLO_BODY);
    assert_int_equal(stream_say(&stream, 22, many, n_most * HELLO_BYTES), RECORD_TEXT);
    assert_int_equal(stream.state.asks, n_most);
    assert_int_equal(stream_say(&stream, 22, many, HELLO_BYTES), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_UNEXPECTED_MESSAGE);
    // In one record as well.
    stream = stream_begin(RECORD_TLS12, RECORD_AES_128_GCM);
    assert_int_equal(stream_say(&stream, 22, many, (n_most + 1) * HELLO_BYTES), RECORD_ALERT);
}

// The kinds of records that carry no text and are let pass.
#define N_SILENT 4

static bool say_nothing(struct stream *stream, int kind)
{
    static const struct {
        uint8_t type;
        const char *content;
        size_t n;
    } kinds[N_SILENT] = {
        {23, "", 0}, {21, "\1\132", 2}, {22, "\30\0\0\1\0", 5}, {22, "\30\0\0\1\1", 5}};
    const enum record_status status =
        stream_say(stream, kinds[kind].type, kinds[kind].content, kinds[kind].n);
    assert_true(record_is_valid(&stream->state));
    if (status == RECORD_ALERT)
        assert_int_equal(stream->opened.alert, RECORD_UNEXPECTED_MESSAGE);
    return status != RECORD_ALERT;
}

// How many of them are let pass in a row; `kind` N_SILENT: all kinds in turn. `typed`: text of one
// byte goes before each.
static int n_let_pass(struct stream *stream, int kind, bool is_typed, int n_most)
{
    for (int n = 0; n < n_most; n++) {
        if (is_typed)
            assert_int_equal(stream_say(stream, 23, "x", 1), RECORD_TEXT);
        if (!say_nothing(stream, kind < N_SILENT ? kind : n % N_SILENT))
            return n;
    }
    return n_most;
}

static void test_silence_is_let_pass_so_many_times(void **unused)
{
    (void)unused;
    for (int kind = 0; kind <= N_SILENT; kind++) {
        struct stream stream = stream_begin(RECORD_TLS13, RECORD_AES_128_GCM);
        record_pay(&stream.state, 5, 0);
        assert_int_equal(n_let_pass(&stream, kind, false, 1000), QUIET_MAX);
        stream = stream_begin(RECORD_TLS13, RECORD_AES_128_GCM);
        assert_in_range(n_let_pass(&stream, kind, true, 1000), QUIET_MAX, QUIET_MAX + 1);
    }
}

static void test_warnings_of_tls12_are_let_pass_so_many_times(void **unused)
{
    (void)unused;
    struct stream stream = stream_begin(RECORD_TLS12, RECORD_AES_128_GCM);
    for (int i = 0; i < QUIET_MAX; i++)
        assert_int_equal(stream_say(&stream, 21, "\1\144", 2), RECORD_TEXT);
    assert_int_equal(stream_say(&stream, 21, "\1\144", 2), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_UNEXPECTED_MESSAGE);
}

static void test_time_pays_for_silence(void **unused)
{
    (void)unused;
    uint64_t now_ms = UINT32_MAX - 1000; // it goes round
    for (int kind = 0; kind <= N_SILENT; kind++) {
        struct stream stream = stream_begin(RECORD_TLS13, RECORD_AES_128_GCM);
        for (int n = 0; n < 4 * QUIET_MAX; n++) {
            record_pay(&stream.state, now_ms += 1000 / QUIET_PER_S + 1, 0);
            assert_int_equal(n_let_pass(&stream, kind, false, 1), 1);
        }
        // A day of silence is worth no more than the burst.
        record_pay(&stream.state, now_ms += 86400 * 1000, 0);
        assert_int_equal(n_let_pass(&stream, kind, false, 1000), QUIET_MAX);
        record_pay(&stream.state, now_ms, 0);
        assert_int_equal(n_let_pass(&stream, kind, false, 1000), 0);
        // Twice as fast as that is too fast.
        record_pay(&stream.state, now_ms += 86400 * 1000, 0);
        int n = 0;
        do
            record_pay(&stream.state, now_ms += 500 / QUIET_PER_S, 0);
        while (n_let_pass(&stream, kind, false, 1) && ++n < 1000);
        assert_in_range(n, QUIET_MAX, 3 * QUIET_MAX);
    }
}

static void test_text_in_either_direction_pays_for_silence(void **unused)
{
    (void)unused;
    uint64_t n_heard = 0;
    struct stream stream = stream_begin(RECORD_TLS13, RECORD_AES_128_GCM);
    for (int n = 0; n < 4 * QUIET_MAX; n++) {
        record_pay(&stream.state, 0, n_heard += QUIET_COST);
        assert_true(say_nothing(&stream, 3));
    }
    stream = stream_begin(RECORD_TLS13, RECORD_AES_128_GCM);
    for (int n = 0; n < 4 * QUIET_MAX; n++) {
        assert_int_equal(stream_say(&stream, 23, many, QUIET_COST), RECORD_TEXT);
        assert_true(say_nothing(&stream, 3));
    }
    // What it was sent it may read later.
    stream = stream_begin(RECORD_TLS13, RECORD_AES_128_GCM);
    record_pay(&stream.state, 0, 1000 * QUIET_COST);
    assert_int_equal(n_let_pass(&stream, 3, false, 2000), 1000 + QUIET_MAX);
    record_pay(&stream.state, 0, UINT32_MAX);
    assert_int_equal(n_let_pass(&stream, 3, false, 10000),
                     4 * 1024 * 1024 / QUIET_COST + QUIET_MAX);
}

static void test_debts_have_their_bounds(void **unused)
{
    (void)unused;
    const int32_t most = QUIET_MAX * QUIET_COST, least = -4 * 1024 * 1024;
    struct record_state state = {.debt = most, .hs_bytes = 4};
    assert_true(record_is_valid(&state));
    assert_false(record_charge(&state));
    state.debt = most + 1;
    assert_false(record_is_valid(&state));
    state.debt = least;
    assert_true(record_is_valid(&state));
    record_pay_text(&state, 9);
    assert_int_equal(state.debt, least);
    state.debt = least - 1;
    assert_false(record_is_valid(&state));
    state.debt = most - QUIET_COST + 1;
    assert_false(record_charge(&state));
    state.debt = most - QUIET_COST;
    assert_true(record_charge(&state));
    assert_int_equal(state.debt, most);
    state.hs_bytes = 5;
    assert_false(record_is_valid(&state));
}

// Time pays for what there is; what was heard, and typed, for more, once.
static void test_what_is_paid_is_paid_once(void **unused)
{
    (void)unused;
    struct record_state state = {.debt = 5000};
    record_pay(&state, 10, 0);
    assert_int_equal(state.debt, 5000 - 10 * (QUIET_PER_S * QUIET_COST / 1000));
    record_pay(&state, 10, 0);
    assert_int_equal(state.debt, 910);
    record_pay(&state, 20, 1000);
    assert_int_equal(state.debt, -1000);
    record_pay(&state, 30, 1000);
    assert_int_equal(state.debt, -1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gnutls_may_ask_seventeen_times),
        cmocka_unit_test(test_renegotiation_is_refused_so_many_times),
        cmocka_unit_test(test_silence_is_let_pass_so_many_times),
        cmocka_unit_test(test_warnings_of_tls12_are_let_pass_so_many_times),
        cmocka_unit_test(test_time_pays_for_silence),
        cmocka_unit_test(test_text_in_either_direction_pays_for_silence),
        cmocka_unit_test(test_debts_have_their_bounds),
        cmocka_unit_test(test_what_is_paid_is_paid_once),
    };
    return cmocka_run_group_tests(tests, streams_set_up, streams_tear_down);
}
