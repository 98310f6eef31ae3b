// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Records in a row: messages cut over several of them, the caps on records without
// text, keys that follow each other in both directions, what we seal, and the ends
// of sequence numbers.
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
#include "record_player.h"

// The caps of record_message.c, as doc/record.md promises them.
#define QUIET_MAX 128
#define QUIET_PER_S 100
#define QUIET_COST 4096
#define HELLO_BODY 41u
#define HELLO_BYTES (4u + HELLO_BODY)

// One direction, from the player to us: both ends of it.
struct stream {
    struct record_params params;
    struct record_key key;
    struct record_state state;
    struct record_opened opened;
};

static uint8_t wire[RECORD_MAX_BYTES + 64];
static uint8_t text[RECORD_MAX_BYTES];
static uint8_t many[RECORD_MAX_BYTES];

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

static struct stream begin(uint16_t version, uint8_t cipher)
{
    struct stream stream = {.params = {version, cipher}};
    uint8_t secret[48];
    memset(secret, 0x33 + cipher, sizeof secret);
    assert_true(record_key_tls13(&stream.params, secret, cipher == RECORD_AES_256_GCM ? 48 : 32,
                                 &stream.key));
    return stream;
}

// The player says it; we open it. What came of it is in stream->opened, and taken over.
static enum record_status say(struct stream *stream, uint8_t type, const void *content, size_t n)
{
    const struct player_record record = {.type = type, .content = content, .n_content = n};
    const size_t n_wire =
        player_seal(&stream->params, &stream->key, stream->state.seq, &record, wire);
    record_open(&stream->params, &stream->key, &stream->state, wire, n_wire, text, sizeof text,
                &stream->opened);
    if (stream->opened.status == RECORD_TEXT || stream->opened.status == RECORD_REKEYED) {
        assert_int_equal(stream->opened.n_read, n_wire);
        stream->state = stream->opened.state;
    }
    if (stream->opened.status == RECORD_REKEYED)
        stream->key = stream->opened.key;
    return stream->opened.status;
}

static void test_a_key_update_may_be_cut_anywhere(void **unused)
{
    (void)unused;
    static const uint8_t update[5] = {24, 0, 0, 1, 1};
    for (unsigned cuts = 0; cuts < 16; cuts++) { // bit i: a cut after byte i
        struct stream stream = begin(RECORD_TLS13, RECORD_AES_256_GCM);
        size_t from = 0;
        for (size_t i = 0; i < 5; i++) {
            if (i < 4 && !(cuts >> i & 1))
                continue;
            const enum record_status expected = i < 4 ? RECORD_TEXT : RECORD_REKEYED;
            assert_int_equal(say(&stream, 22, update + from, i + 1 - from), expected);
            assert_int_equal(stream.opened.n_text, 0);
            from = i + 1;
        }
        assert_int_equal(stream.state.asks, 1);
        assert_int_equal(stream.state.hs_bytes, 0);
        assert_int_equal(stream.state.seq, 0);
        assert_int_equal(say(&stream, 23, "look", 4), RECORD_TEXT);
        assert_int_equal(stream.opened.n_text, 4);
    }
}

static void test_a_cut_key_update_is_checked_as_a_whole_one(void **unused)
{
    (void)unused;
    struct stream stream = begin(RECORD_TLS13, RECORD_AES_128_GCM);
    assert_int_equal(say(&stream, 22, "\30\0", 2), RECORD_TEXT);
    assert_int_equal(say(&stream, 22, "\0\2", 2), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_DECODE_ERROR);
    assert_int_equal(say(&stream, 22, "\0\1\3", 3), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_ILLEGAL_PARAMETER);
    assert_int_equal(say(&stream, 22, "\0\1\0\30", 4), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_UNEXPECTED_MESSAGE);
    assert_int_equal(say(&stream, 22, "\0\1\0", 3), RECORD_REKEYED);
    assert_int_equal(stream.state.asks, 0); // it did not ask for ours
}

// RFC 8446, section 7.2, computed by HMAC alone.
static void test_each_key_follows_from_the_one_before(void **unused)
{
    (void)unused;
    for (uint8_t cipher = 0; cipher < RECORD_N_CIPHERS; cipher++) {
        struct stream stream = begin(RECORD_TLS13, cipher);
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
            assert_int_equal(say(&stream, 22, "\30\0\0\1\1", 5), RECORD_REKEYED);
            assert_int_equal(stream.key.generation, i);
            assert_memory_equal(stream.key.secret, secret, n_secret);
            assert_memory_equal(stream.key.key, key, n_key);
            assert_memory_equal(stream.key.iv, iv, sizeof iv);
            assert_int_equal(stream.state.asks, i);
        }
        assert_int_equal(say(&stream, 23, "look", 4), RECORD_TEXT);
    }
}

// What we seal with a KeyUpdate is what a player would: its own reader takes it.
static void test_our_key_update(void **unused)
{
    (void)unused;
    for (uint8_t cipher = 0; cipher < RECORD_N_CIPHERS; cipher++) {
        struct stream ours = begin(RECORD_TLS13, cipher);
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
    struct stream old = begin(RECORD_TLS12, RECORD_AES_128_GCM);
    assert_int_equal(record_seal_key_update(&old.params, &old.key, &old.state, false, wire,
                                            sizeof wire, &old.state, &old.key),
                     0); // TLS 1.2 has none
}

static void put_hello(uint8_t *hello, size_t n_body)
{
    memset(hello, 0xee, 4 + n_body);
    hello[0] = 1;
    hello[1] = (uint8_t)(n_body >> 16);
    hello[2] = (uint8_t)(n_body >> 8);
    hello[3] = (uint8_t)n_body;
}

static void test_a_client_hello_may_be_cut_anywhere(void **unused)
{
    (void)unused;
    uint8_t hello[HELLO_BYTES];
    put_hello(hello, HELLO_BODY);
    for (size_t first = 1; first < HELLO_BYTES; first++) {
        for (size_t second = 1; first + second < HELLO_BYTES; second++) {
            struct stream stream = begin(RECORD_TLS12, RECORD_AES_128_GCM);
            assert_int_equal(say(&stream, 22, hello, first), RECORD_TEXT);
            assert_int_equal(say(&stream, 22, hello + first, second), RECORD_TEXT);
            assert_int_equal(stream.state.asks, 0);
            assert_int_equal(say(&stream, 22, hello + first + second, HELLO_BYTES - first - second),
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
    struct stream stream = begin(RECORD_TLS12, RECORD_CHACHA20_POLY1305);
    put_hello(hello, HELLO_BODY);
    for (size_t i = 0; i < HELLO_BYTES; i++) {
        assert_int_equal(say(&stream, 22, hello + i, 1), RECORD_TEXT);
        assert_int_equal(say(&stream, 23, "look", 4), RECORD_TEXT);
        assert_int_equal(stream.opened.n_text, 4);
    }
    assert_int_equal(stream.state.asks, 1);
}

static void test_several_client_hellos_in_one_record(void **unused)
{
    (void)unused;
    struct stream stream = begin(RECORD_TLS12, RECORD_AES_256_GCM);
    for (size_t i = 0; i < 4; i++)
        put_hello(many + i * HELLO_BYTES, HELLO_BODY);
    assert_int_equal(say(&stream, 22, many, 3 * HELLO_BYTES + 7), RECORD_TEXT);
    assert_int_equal(stream.state.asks, 3);
    assert_int_equal(stream.state.hs_bytes, 4);
    assert_int_equal(say(&stream, 22, many + 7, HELLO_BYTES - 7), RECORD_TEXT);
    assert_int_equal(stream.state.asks, 4);
    // After a whole one the next header is read as such.
    memcpy(many + HELLO_BYTES, "\24\0\0\14", 4);
    assert_int_equal(say(&stream, 22, many, HELLO_BYTES + 4), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_UNEXPECTED_MESSAGE);
}

static void test_the_largest_client_hello(void **unused)
{
    (void)unused;
    const size_t n_body = 131396;
    struct stream stream = begin(RECORD_TLS12, RECORD_AES_128_GCM);
    put_hello(many, 100);
    many[1] = (uint8_t)(n_body >> 16);
    many[2] = (uint8_t)(n_body >> 8);
    many[3] = (uint8_t)n_body;
    assert_int_equal(say(&stream, 22, many, 16384), RECORD_TEXT);
    for (size_t left = n_body + 4 - 16384; left > 0;) {
        const size_t n = left < 16384 ? left : 16384;
        assert_int_equal(stream.state.asks, 0);
        assert_int_equal(say(&stream, 22, many, n), RECORD_TEXT);
        left -= n;
    }
    assert_int_equal(stream.state.asks, 1);
}

static void test_gnutls_may_ask_seventeen_times(void **unused)
{
    (void)unused;
    struct stream stream = begin(RECORD_TLS12, RECORD_AES_256_GCM);
    put_hello(many, 300);
    for (int again = 0; again < 100; again++) { // and again after each line of text
        record_pay(&stream.state, (uint64_t)again * 1000, 0);
        for (int i = 0; i < 17; i++)
            assert_int_equal(say(&stream, 22, many, 304), RECORD_TEXT);
        assert_int_equal(say(&stream, 23, "look", 4), RECORD_TEXT);
    }
    assert_int_equal(stream.state.asks, 1700);
}

static void test_renegotiation_is_refused_so_many_times(void **unused)
{
    (void)unused;
    const size_t n_most = QUIET_MAX - 1; // the record counts, too
    struct stream stream = begin(RECORD_TLS12, RECORD_AES_128_GCM);
    for (size_t i = 0; i < n_most + 1; i++)
        put_hello(many + i * HELLO_BYTES, HELLO_BODY);
    assert_int_equal(say(&stream, 22, many, n_most * HELLO_BYTES), RECORD_TEXT);
    assert_int_equal(stream.state.asks, n_most);
    assert_int_equal(say(&stream, 22, many, HELLO_BYTES), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_UNEXPECTED_MESSAGE);
    // In one record as well.
    stream = begin(RECORD_TLS12, RECORD_AES_128_GCM);
    assert_int_equal(say(&stream, 22, many, (n_most + 1) * HELLO_BYTES), RECORD_ALERT);
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
        say(stream, kinds[kind].type, kinds[kind].content, kinds[kind].n);
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
            assert_int_equal(say(stream, 23, "x", 1), RECORD_TEXT);
        if (!say_nothing(stream, kind < N_SILENT ? kind : n % N_SILENT))
            return n;
    }
    return n_most;
}

static void test_silence_is_let_pass_so_many_times(void **unused)
{
    (void)unused;
    for (int kind = 0; kind <= N_SILENT; kind++) {
        struct stream stream = begin(RECORD_TLS13, RECORD_AES_128_GCM);
        record_pay(&stream.state, 5, 0);
        assert_int_equal(n_let_pass(&stream, kind, false, 1000), QUIET_MAX);
        stream = begin(RECORD_TLS13, RECORD_AES_128_GCM);
        assert_in_range(n_let_pass(&stream, kind, true, 1000), QUIET_MAX, QUIET_MAX + 1);
    }
}

static void test_warnings_of_tls12_are_let_pass_so_many_times(void **unused)
{
    (void)unused;
    struct stream stream = begin(RECORD_TLS12, RECORD_AES_128_GCM);
    for (int i = 0; i < QUIET_MAX; i++)
        assert_int_equal(say(&stream, 21, "\1\144", 2), RECORD_TEXT);
    assert_int_equal(say(&stream, 21, "\1\144", 2), RECORD_ALERT);
    assert_int_equal(stream.opened.alert, RECORD_UNEXPECTED_MESSAGE);
}

static void test_time_pays_for_silence(void **unused)
{
    (void)unused;
    uint64_t now_ms = UINT32_MAX - 1000; // it goes round
    for (int kind = 0; kind <= N_SILENT; kind++) {
        struct stream stream = begin(RECORD_TLS13, RECORD_AES_128_GCM);
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
    struct stream stream = begin(RECORD_TLS13, RECORD_AES_128_GCM);
    for (int n = 0; n < 4 * QUIET_MAX; n++) {
        record_pay(&stream.state, 0, n_heard += QUIET_COST);
        assert_true(say_nothing(&stream, 3));
    }
    stream = begin(RECORD_TLS13, RECORD_AES_128_GCM);
    for (int n = 0; n < 4 * QUIET_MAX; n++) {
        assert_int_equal(say(&stream, 23, many, QUIET_COST), RECORD_TEXT);
        assert_true(say_nothing(&stream, 3));
    }
    // What it was sent it may read later.
    stream = begin(RECORD_TLS13, RECORD_AES_128_GCM);
    record_pay(&stream.state, 0, 1000 * QUIET_COST);
    assert_int_equal(n_let_pass(&stream, 3, false, 2000), 1000 + QUIET_MAX);
    record_pay(&stream.state, 0, UINT32_MAX);
    assert_int_equal(n_let_pass(&stream, 3, false, 10000),
                     4 * 1024 * 1024 / QUIET_COST + QUIET_MAX);
}

static void test_asks_go_round(void **unused)
{
    (void)unused;
    struct stream stream = begin(RECORD_TLS13, RECORD_AES_128_GCM);
    stream.state.asks = UINT16_MAX;
    assert_int_equal(say(&stream, 22, "\30\0\0\1\1", 5), RECORD_REKEYED);
    assert_int_equal(stream.state.asks, 0);
}

static void test_sequence_numbers_do_not_wrap(void **unused)
{
    (void)unused;
    for (unsigned i = 0; i < 2u * RECORD_N_CIPHERS; i++) {
        struct stream stream = begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2));
        struct record_state next;
        struct record_key next_key;
        stream.state.seq = UINT64_MAX - 1;
        assert_int_equal(say(&stream, 23, "look", 4), RECORD_TEXT);
        assert_int_equal(stream.state.seq, UINT64_MAX);
        assert_int_equal(say(&stream, 23, "look", 4), RECORD_ALERT);
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
        struct stream stream = begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2));
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
        struct stream stream = begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, RECORD_AES_128_GCM);
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
        const struct stream stream = begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2));
        const struct stream other = begin(stream.params.version, stream.params.cipher);
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
        streams[i] = begin(i % 2 ? RECORD_TLS13 : RECORD_TLS12, (uint8_t)(i / 2 % 3));
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
        assert_int_equal(say(stream, 23, &i, sizeof i), RECORD_TEXT);
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
        cmocka_unit_test(test_a_key_update_may_be_cut_anywhere),
        cmocka_unit_test(test_a_cut_key_update_is_checked_as_a_whole_one),
        cmocka_unit_test(test_each_key_follows_from_the_one_before),
        cmocka_unit_test(test_our_key_update),
        cmocka_unit_test(test_a_client_hello_may_be_cut_anywhere),
        cmocka_unit_test(test_text_between_the_parts_of_a_client_hello),
        cmocka_unit_test(test_several_client_hellos_in_one_record),
        cmocka_unit_test(test_the_largest_client_hello),
        cmocka_unit_test(test_gnutls_may_ask_seventeen_times),
        cmocka_unit_test(test_renegotiation_is_refused_so_many_times),
        cmocka_unit_test(test_silence_is_let_pass_so_many_times),
        cmocka_unit_test(test_warnings_of_tls12_are_let_pass_so_many_times),
        cmocka_unit_test(test_time_pays_for_silence),
        cmocka_unit_test(test_text_in_either_direction_pays_for_silence),
        cmocka_unit_test(test_asks_go_round),
        cmocka_unit_test(test_sequence_numbers_do_not_wrap),
        cmocka_unit_test(test_sealing_takes_the_room_it_needs),
        cmocka_unit_test(test_alerts_have_their_level),
        cmocka_unit_test(test_a_step_may_be_done_again),
        cmocka_unit_test(test_players_take_turns),
        cmocka_unit_test(test_worn_keys),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
