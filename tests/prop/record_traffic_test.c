// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Whatever an OpenSSL player and stayd say to each other, in whatever pieces it
// arrives, comes out on the other side byte for byte: every suite, record sizes 0 to
// 2^14, padding, max_fragment_length, KeyUpdates of both at any time with and without
// a request, close_notify of either first.
//
// Both streams are a function of the offset, so nothing is kept to be compared with.
//
// Errors: a failed assertion fails the test; the seed is printed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "openssl_player.h"
#include "prop.h"

#define ROUNDS 5
#define STEPS 200
#define PIECE_MAX 40000u

// A connection under way, our side.
struct talk {
    struct openssl_player *player;
    struct dice *dice;
    struct record_state read;
    struct record_state write;
    struct record_key read_key;
    struct record_key write_key;
    uint16_t answered;
    bool is_closed;         // their close_notify came
    uint64_t said;          // by the player: offset of the next byte
    uint64_t heard;         // of that, opened
    uint64_t told;          // by us
    uint64_t learned;       // of that, read by the player
    uint32_t their_updates; // KeyUpdates the player began of its own
    uint32_t our_requests;  // KeyUpdates we asked the player for
    uint8_t in[RECORD_MAX_BYTES + PIECE_MAX];
    size_t n_in;
    uint8_t out[8 * RECORD_MAX_BYTES]; // sealed, not yet given to the player
    size_t n_out;
};

// What all rounds together did: a run that did nothing must not pass.
static struct {
    uint64_t heard;
    uint64_t learned;
    uint64_t their_updates;
    uint64_t our_requests;
} total;

static uint8_t byte_at(uint64_t offset, uint64_t salt)
{
    return (uint8_t)(dice_mix((offset >> 3) + salt) >> 8 * (offset & 7));
}

static void fill(uint8_t *bytes, size_t n, uint64_t offset, uint64_t salt)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = byte_at(offset + i, salt);
}

static void check(const uint8_t *bytes, size_t n, uint64_t offset, uint64_t salt)
{
    for (size_t i = 0; i < n; i++)
        if (bytes[i] != byte_at(offset + i, salt))
            fail_msg("byte %llu is wrong", (unsigned long long)(offset + i));
}

enum { SALT_PLAYER = 0x1000000, SALT_STAYD = 0x2000000 };

// Mostly lines, sometimes full records, sometimes the edges.
static size_t dice_text(struct dice *dice, size_t limit)
{
    static const size_t edges[] = {0, 1, 15, 16, 17, 1024, 1025, 16383, 16384};
    size_t n = dice_below(dice, 200);
    if (dice_one_in(dice, 3))
        n = dice_below(dice, limit + 1);
    else if (dice_one_in(dice, 3))
        n = edges[dice_below(dice, sizeof edges / sizeof edges[0])];
    return n < limit ? n : limit;
}

static void open_all(struct talk *talk)
{
    static uint8_t text[RECORD_MAX_BYTES];
    static uint64_t now_ms; // no record comes too soon
    size_t from = 0;
    for (;;) {
        const size_t n = talk->n_in - from;
        const size_t wanted = record_wanted(&talk->player->params, talk->in + from, n);
        struct record_opened opened;
        record_pay(&talk->read, now_ms += 10, 0);
        record_open(&talk->player->params, &talk->read_key, &talk->read, talk->in + from, n, text,
                    sizeof text, &opened);
        if (opened.status == RECORD_MORE) {
            assert_true(wanted == 0 || wanted > n);
            break;
        }
        if (opened.status != RECORD_TEXT && opened.status != RECORD_REKEYED &&
            opened.status != RECORD_CLOSED)
            fail_msg("status %d, alert %d", opened.status, opened.alert);
        assert_int_equal(opened.n_read, wanted);
        check(text, opened.n_text, talk->heard, SALT_PLAYER);
        talk->heard += opened.n_text;
        talk->read = opened.state;
        if (opened.status == RECORD_REKEYED)
            talk->read_key = opened.key;
        talk->is_closed |= opened.status == RECORD_CLOSED;
        from += opened.n_read;
    }
    memmove(talk->in, talk->in + from, talk->n_in - from);
    talk->n_in -= from;
}

// Some of what the player has sent reaches us.
static void receive(struct talk *talk, size_t n_most)
{
    const int n = BIO_read(talk->player->to_us, talk->in + talk->n_in,
                           (int)(n_most < PIECE_MAX ? n_most : PIECE_MAX));
    if (n > 0)
        talk->n_in += (size_t)n;
    open_all(talk);
}

static int read_player(struct talk *talk)
{
    static uint8_t text[RECORD_MAX_TEXT];
    int n;
    while ((n = SSL_read(talk->player->ssl, text, (int)sizeof text)) > 0) {
        check(text, (size_t)n, talk->learned, SALT_STAYD);
        talk->learned += (uint64_t)n;
    }
    return SSL_get_error(talk->player->ssl, n);
}

// Some of what we have sealed reaches the player.
static void deliver(struct talk *talk, size_t n_most)
{
    const size_t n = n_most < talk->n_out ? n_most : talk->n_out;
    if (n > 0)
        assert_int_equal(BIO_write(talk->player->to_them, talk->out, (int)n), n);
    memmove(talk->out, talk->out + n, talk->n_out - n);
    talk->n_out -= n;
    assert_int_equal(read_player(talk), SSL_ERROR_WANT_READ);
}

static void make_room(struct talk *talk)
{
    if (sizeof talk->out - talk->n_out < RECORD_MAX_BYTES)
        deliver(talk, talk->n_out);
}

static void tell(struct talk *talk)
{
    uint8_t text[RECORD_MAX_TEXT];
    const size_t n = dice_text(talk->dice, talk->player->write_limit);
    make_room(talk);
    fill(text, n, talk->told, SALT_STAYD);
    const size_t n_out = record_seal(&talk->player->params, &talk->write_key, &talk->write, text, n,
                                     talk->out + talk->n_out, n + RECORD_OVERHEAD, &talk->write);
    assert_int_not_equal(n_out, 0);
    talk->n_out += n_out;
    talk->told += n;
}

static void say(struct talk *talk, size_t n)
{
    uint8_t text[PIECE_MAX];
    if (n == 0)
        return;
    fill(text, n, talk->said, SALT_PLAYER);
    assert_int_equal(SSL_write(talk->player->ssl, text, (int)n), n);
    talk->said += n;
}

static void update_theirs(struct talk *talk)
{
    if (SSL_get_key_update_type(talk->player->ssl) != SSL_KEY_UPDATE_NONE)
        return; // it owes us one already
    const int type =
        dice_one_in(talk->dice, 2) ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED;
    assert_int_equal(SSL_key_update(talk->player->ssl, type), 1);
    assert_int_equal(SSL_do_handshake(talk->player->ssl), 1);
    talk->their_updates++;
}

static void update_ours(struct talk *talk, bool asks)
{
    make_room(talk);
    const size_t n = record_seal_key_update(
        &talk->player->params, &talk->write_key, &talk->write, asks, talk->out + talk->n_out,
        sizeof talk->out - talk->n_out, &talk->write, &talk->write_key);
    assert_int_not_equal(n, 0);
    talk->n_out += n;
    talk->our_requests += asks;
}

static void step(struct talk *talk)
{
    const bool is_tls13 = talk->player->params.version == RECORD_TLS13;
    switch (dice_below(talk->dice, 12)) {
    case 0:
    case 1:
        say(talk, dice_text(talk->dice, RECORD_MAX_TEXT));
        break;
    case 2:
        if (dice_one_in(talk->dice, 4))
            say(talk, dice_below(talk->dice, PIECE_MAX));
        break;
    case 3:
    case 4:
    case 5:
        tell(talk);
        break;
    case 6:
    case 7:
        receive(talk, dice_one_in(talk->dice, 2) ? dice_below(talk->dice, 60) : PIECE_MAX);
        break;
    case 8:
    case 9:
        deliver(talk, dice_one_in(talk->dice, 2) ? dice_below(talk->dice, 60) : PIECE_MAX);
        break;
    case 10:
        if (is_tls13)
            update_theirs(talk);
        break;
    case 11:
        if (is_tls13)
            update_ours(talk, dice_one_in(talk->dice, 2));
        break;
    }
    if (talk->read.asks != talk->answered && dice_one_in(talk->dice, 2)) {
        talk->answered = talk->read.asks;
        update_ours(talk, false);
    }
}

// Everything arrives.
static void settle(struct talk *talk)
{
    deliver(talk, talk->n_out);
    say(talk, 1); // an answer to our last request goes out with it
    do
        receive(talk, PIECE_MAX);
    while (BIO_ctrl_pending(talk->player->to_us) > 0);
    assert_int_equal(talk->n_in, 0);
    assert_int_equal(talk->heard, talk->said);
    assert_int_equal(talk->learned, talk->told);
}

static void close_both(struct talk *talk)
{
    const bool is_theirs_first = dice_one_in(talk->dice, 2);
    if (is_theirs_first)
        assert_int_equal(SSL_shutdown(talk->player->ssl), 0);
    const size_t n =
        record_seal_alert(&talk->player->params, &talk->write_key, &talk->write,
                          RECORD_CLOSE_NOTIFY, talk->out, sizeof talk->out, &talk->write);
    assert_int_equal(BIO_write(talk->player->to_them, talk->out, (int)n), n);
    assert_int_equal(read_player(talk), SSL_ERROR_ZERO_RETURN);
    if (!is_theirs_first)
        assert_int_equal(SSL_shutdown(talk->player->ssl), 1);
    assert_int_equal(SSL_get_shutdown(talk->player->ssl),
                     SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    receive(talk, PIECE_MAX);
    assert_true(talk->is_closed);
    assert_int_equal(talk->n_in, 0);
}

static void talk_once(const struct openssl_suite *suite, struct dice *dice)
{
    struct openssl_player player;
    struct talk *talk = calloc(1, sizeof *talk);
    assert_non_null(talk);
    openssl_player_connect(&player, suite, dice);
    talk->player = &player;
    talk->dice = dice;
    talk->read = player.read;
    talk->write = player.write;
    talk->read_key = player.from_player;
    talk->write_key = player.to_player;
    for (int i = 0; i < STEPS; i++)
        step(talk);
    settle(talk);
    // Each KeyUpdate of the player changed the key once: its own, and one or more
    // requests of ours that it answered together.
    assert_true(talk->read_key.generation >= talk->their_updates);
    assert_true(talk->read_key.generation <= talk->their_updates + talk->our_requests);
    if (talk->our_requests > 0)
        assert_true(talk->read_key.generation > 0);
    close_both(talk);
    total.heard += talk->heard;
    total.learned += talk->learned;
    total.their_updates += talk->their_updates;
    total.our_requests += talk->our_requests;
    openssl_player_free(&player);
    free(talk);
}

static void test_what_is_said_is_heard(void **state)
{
    struct dice *dice = *state;
    for (int round = 0; round < ROUNDS; round++)
        for (size_t i = 0; i < n_openssl_suites; i++)
            talk_once(&openssl_suites[i], dice);
    printf("to us %llu bytes, to the player %llu; KeyUpdates: the player's own %llu, asked %llu\n",
           (unsigned long long)total.heard, (unsigned long long)total.learned,
           (unsigned long long)total.their_updates, (unsigned long long)total.our_requests);
    assert_true(total.heard > 1000000 && total.learned > 1000000);
    assert_true(total.their_updates > 20 && total.our_requests > 20);
}

// TLS 1.2: OpenSSL takes no_renegotiation for a reason to give up, which is its right;
// until then our answer must be one that it understands.
static void test_a_renegotiation_is_refused_in_words(void **state)
{
    struct dice *dice = *state;
    for (size_t i = 0; i < n_openssl_suites; i++) {
        struct openssl_player player;
        struct record_opened opened;
        uint8_t wire[4096];
        uint8_t text[4096];
        if (openssl_suites[i].params.version == RECORD_TLS13)
            continue;
        openssl_player_connect(&player, &openssl_suites[i], dice);
        assert_int_equal(SSL_renegotiate(player.ssl), 1);
        SSL_do_handshake(player.ssl);
        const int n = BIO_read(player.to_us, wire, sizeof wire);
        assert_true(n > 0);
        record_open(&player.params, &player.from_player, &player.read, wire, (size_t)n, text,
                    sizeof text, &opened);
        assert_int_equal(opened.status, RECORD_TEXT);
        assert_int_equal(opened.n_read, n);
        assert_int_equal(opened.state.asks, 1);
        const size_t n_out =
            record_seal_alert(&player.params, &player.to_player, &player.write,
                              RECORD_NO_RENEGOTIATION, wire, sizeof wire, &player.write);
        BIO_write(player.to_them, wire, (int)n_out);
        SSL_do_handshake(player.ssl);
        assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_R_NO_RENEGOTIATION);
        openssl_player_free(&player);
    }
}

// Every fatal alert of ours reaches the player as what it is.
static void test_our_alerts_are_understood(void **state)
{
    struct dice *dice = *state;
    static const uint8_t alerts[] = {RECORD_UNEXPECTED_MESSAGE, RECORD_BAD_RECORD_MAC,
                                     RECORD_OVERFLOW,           RECORD_ILLEGAL_PARAMETER,
                                     RECORD_DECODE_ERROR,       RECORD_INTERNAL_ERROR,
                                     RECORD_PROTOCOL_VERSION,   RECORD_HANDSHAKE_FAILURE};
    for (size_t i = 0; i < sizeof alerts; i++) {
        struct openssl_player player;
        uint8_t wire[64];
        uint8_t text[64];
        openssl_player_connect(&player, &openssl_suites[i % n_openssl_suites], dice);
        const size_t n = record_seal_alert(&player.params, &player.to_player, &player.write,
                                           alerts[i], wire, sizeof wire, &player.write);
        BIO_write(player.to_them, wire, (int)n);
        assert_true(SSL_read(player.ssl, text, sizeof text) <= 0);
        assert_int_equal(ERR_GET_REASON(ERR_peek_error()), SSL_AD_REASON_OFFSET + alerts[i]);
        openssl_player_free(&player);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_said_is_heard),
        cmocka_unit_test(test_a_renegotiation_is_refused_in_words),
        cmocka_unit_test(test_our_alerts_are_understood),
    };
    return cmocka_run_group_tests(tests, prop_set_up, prop_tear_down);
}
