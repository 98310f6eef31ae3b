// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Whatever happens to an OpenSSL player's records on the way (a bit, a cut, an
// overwritten or inserted piece, a record lost, doubled, or out of its turn), what
// comes before the damage is heard, nothing after it is, and the alert is the one
// that the RFCs name.
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

#include "openssl_player.h"
#include "prop.h"

#define TRIALS 1500
#define RECORDS 6u
#define WIRE_MAX (RECORDS * RECORD_MAX_BYTES)

// What the player sent, one record after the other.
struct stream {
    uint8_t bytes[2 * WIRE_MAX];
    size_t n_bytes;
    size_t starts[RECORDS + 1];
    size_t n_texts[RECORDS];
    uint8_t texts[RECORDS][RECORD_MAX_TEXT];
};

static struct stream whole;
static struct stream torn;

static void record_whole(struct openssl_player *player, struct dice *dice)
{
    whole.n_bytes = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        // Small enough to be one record with every limit that may have been diced.
        const size_t n = 1 + dice_below(dice, 400);
        for (size_t j = 0; j < n; j++)
            whole.texts[i][j] = (uint8_t)dice_next(dice);
        assert_int_equal(SSL_write(player->ssl, whole.texts[i], (int)n), n);
        whole.n_texts[i] = n;
        whole.starts[i] = whole.n_bytes;
        const int n_read = BIO_read(player->to_us, whole.bytes + whole.n_bytes, RECORD_MAX_BYTES);
        assert_true(n_read > 5);
        whole.n_bytes += (size_t)n_read;
    }
    whole.starts[RECORDS] = whole.n_bytes;
}

// Replace n_old bytes at `at` by n_new of new. new may point into whole.
static void splice(size_t at, size_t n_old, const uint8_t *new, size_t n_new)
{
    memmove(torn.bytes + at + n_new, torn.bytes + at + n_old, torn.n_bytes - at - n_old);
    if (n_new > 0)
        memcpy(torn.bytes + at, new, n_new);
    torn.n_bytes = torn.n_bytes - n_old + n_new;
}

// Damage torn, in or after record i. Returns the first record that is not as it was.
static size_t damage(struct dice *dice, size_t i)
{
    const size_t at = whole.starts[i];
    const size_t n = whole.starts[i + 1] - at;
    const size_t middle = dice_below(dice, dice_one_in(dice, 2) ? n : 5);
    uint8_t noise[64];
    for (size_t j = 0; j < sizeof noise; j++)
        noise[j] = (uint8_t)dice_next(dice);
    switch (dice_below(dice, 7)) {
    case 0: // one bit
        torn.bytes[at + middle] ^= (uint8_t)(1u << dice_below(dice, 8));
        return i;
    case 1: // cut out
        splice(at + middle, 1 + dice_below(dice, n - middle), NULL, 0);
        return i;
    case 2: // insert
        splice(at + middle, 0, noise, 1 + dice_below(dice, sizeof noise));
        return i;
    case 3: { // overwrite
        const size_t n_over = 1 + dice_below(dice, sizeof noise);
        const size_t n_here = n_over < n - middle ? n_over : n - middle;
        splice(at + middle, n_here, noise, n_here);
        return i;
    }
    case 4: // lose
        splice(at, n, NULL, 0);
        return i;
    case 5: // double
        splice(at + n, 0, whole.bytes + at, n);
        return i + 1;
    default: // swap with the next
        splice(at, n, NULL, 0);
        splice(at + whole.starts[i + 2] - whole.starts[i + 1], 0, whole.bytes + at, n);
        return i;
    }
}

// What must be said of damaged bytes: from the header if that is wrong, else from the tag.
// -1: more is waited for.
static int expected_alert(const struct record_params *params, const uint8_t *in, size_t n_in)
{
    if (n_in < 5)
        return -1;
    const bool is_tls13 = params->version == RECORD_TLS13;
    const bool has_nonce = !is_tls13 && params->cipher != RECORD_CHACHA20_POLY1305;
    const size_t n_body = (size_t)in[3] << 8 | in[4];
    const size_t n_frame = 16 + (has_nonce ? 8 : 0);
    if (in[0] != 23 && (is_tls13 || (in[0] != 21 && in[0] != 22)))
        return RECORD_UNEXPECTED_MESSAGE;
    if (in[1] != 3 || in[2] != 3)
        return is_tls13 ? RECORD_DECODE_ERROR : RECORD_PROTOCOL_VERSION;
    if (n_body > 16384 + n_frame + is_tls13)
        return RECORD_OVERFLOW;
    if (n_body < n_frame)
        return RECORD_BAD_RECORD_MAC;
    return n_in - 5 < n_body ? -1 : RECORD_BAD_RECORD_MAC;
}

static bool is_unharmed(size_t from, size_t i)
{
    const size_t n = whole.starts[i + 1] - whole.starts[i];
    return torn.n_bytes >= from + n &&
           memcmp(torn.bytes + from, whole.bytes + whole.starts[i], n) == 0;
}

// Open torn, whose records before `first` are as they were. Counts the alerts in seen.
static void check_torn(const struct openssl_player *player, size_t first, unsigned *seen)
{
    static uint8_t text[RECORD_MAX_BYTES];
    struct record_state state = player->read;
    struct record_opened opened;
    size_t from = 0;
    // Now and then damage changes nothing, or not that record: noise may equal what it
    // replaces. What is in place and whole must be heard.
    for (size_t i = 0; i < RECORDS && is_unharmed(from, i); i++) {
        record_open(&player->params, &player->from_player, &state, torn.bytes + from,
                    torn.n_bytes - from, text, sizeof text, &opened);
        assert_int_equal(opened.status, RECORD_TEXT);
        assert_int_equal(opened.n_text, whole.n_texts[i]);
        assert_memory_equal(text, whole.texts[i], opened.n_text);
        state = opened.state;
        from += opened.n_read;
        first = i + 1 > first ? i + 1 : first;
    }
    assert_int_equal(from, whole.starts[first]);
    const int alert = expected_alert(&player->params, torn.bytes + from, torn.n_bytes - from);
    record_open(&player->params, &player->from_player, &state, torn.bytes + from,
                torn.n_bytes - from, text, sizeof text, &opened);
    assert_int_equal(opened.status, alert < 0 ? RECORD_MORE : RECORD_ALERT);
    assert_int_equal(opened.alert, alert < 0 ? 0 : alert);
    assert_int_equal(opened.n_text, 0);
    assert_int_equal(opened.n_read, 0);
    seen[alert < 0 ? 255 : alert]++;
}

static void test_damage_is_never_heard(void **state)
{
    struct dice *dice = *state;
    unsigned seen[256] = {0};
    for (size_t i = 0; i < n_openssl_suites; i++) {
        struct openssl_player player;
        openssl_player_connect(&player, &openssl_suites[i], dice);
        record_whole(&player, dice);
        for (int trial = 0; trial < TRIALS; trial++) {
            memcpy(torn.bytes, whole.bytes, whole.n_bytes);
            torn.n_bytes = whole.n_bytes;
            const size_t first = damage(dice, dice_below(dice, RECORDS - 1));
            check_torn(&player, first, seen);
        }
        openssl_player_free(&player);
    }
    for (int i = 0; i < 256; i++)
        if (seen[i] > 0)
            printf("alert %d: %u times\n", i, seen[i]); // 255: more was waited for
    // Each kind of answer has come up.
    assert_true(seen[RECORD_BAD_RECORD_MAC] > 0 && seen[RECORD_UNEXPECTED_MESSAGE] > 0);
    assert_true(seen[RECORD_DECODE_ERROR] > 0 && seen[RECORD_PROTOCOL_VERSION] > 0);
    assert_true(seen[RECORD_OVERFLOW] > 0 && seen[255] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damage_is_never_heard),
    };
    return cmocka_run_group_tests(tests, prop_set_up, prop_tear_down);
}
