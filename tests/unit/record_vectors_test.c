// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Published numbers: RFC 8448, section 3 (simple 1-RTT handshake): application
// traffic secrets, keys, ivs, and every record sent under them. For TLS 1.2, whose
// RFCs give none, the PRF and the records are computed a second time by
// record_player.c, whose PRF is checked against a published vector first.
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

static const struct record_params aes128_tls13 = {RECORD_TLS13, RECORD_AES_128_GCM};

static const char player_secret[] =
    "9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5";
static const char stayd_secret[] =
    "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643";
static const char player_data[] =
    "1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e"
    "2b62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4";
static const char player_alert[] = "1703030013c9872760655666b74d7ff1153efd6db6d0b0e3";
static const char stayd_data[] =
    "17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59"
    "a8fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d";
static const char stayd_alert[] = "1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9";
// The NewSessionTicket, sent by the TLS library of whoever made the handshake: the
// first record under our key (so ours begin with number 1).
static const char ticket_record[] =
    "17030300de3a6b8f90414a97d6959c3487680de5134a2b240e6cffac116e95d41d6af8f6b580dcf3d11d63c758db28"
    "9a015940252f55713e061dc13e078891a38efbcf5753ad8ef170ad3c7353d16d9da773b9ca7f2b9fa1b6c0d4a3d03f"
    "75e09c30ba1e62972ac46f75f7b981be63439b2999ce13064615139891d5e4c5b406f16e3fc181a77ca475840025db"
    "2f0a77f81b5ab05b94c01346755f69232c86519d86cbeeac87aac347d143f9605d64f650db4d023e70e952ca49fe51"
    "37121c74bc2697687e248746d6df353005f3bce18696129c8153556b3b6c6779b37bf15985684f";

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

static struct record_key key_of(const char *hex)
{
    uint8_t secret[48];
    struct record_key key;
    const size_t n = player_unhex(hex, secret);
    assert_true(record_key_tls13(&aes128_tls13, secret, n, &key));
    return key;
}

static void assert_hex(const void *bytes, size_t n_bytes, const char *hex)
{
    uint8_t expected[512];
    assert_int_equal(n_bytes, player_unhex(hex, expected));
    assert_memory_equal(bytes, expected, n_bytes);
}

static void counting_bytes(uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)i;
}

static void test_traffic_keys(void **unused)
{
    (void)unused;
    struct record_key key = key_of(player_secret);
    assert_hex(key.secret, 32, player_secret);
    assert_hex(key.key, 16, "17422dda596ed5d9acd890e3c63f5051");
    assert_hex(key.iv, 12, "5b78923dee08579033e523d9");
    assert_int_equal(key.generation, 0);
    key = key_of(stayd_secret);
    assert_hex(key.key, 16, "9f02283b6c9c07efc26bb9f2ac92e356");
    assert_hex(key.iv, 12, "cf782b88dd83549aadf1e984");
}

static void test_open_the_players_records(void **unused)
{
    (void)unused;
    const struct record_key key = key_of(player_secret);
    struct record_state state = {.seq = 0};
    struct record_opened opened;
    uint8_t in[128];
    uint8_t text[128];
    uint8_t expected[50];
    size_t n = player_unhex(player_data, in);
    n += player_unhex(player_alert, in + n);
    counting_bytes(expected, sizeof expected);
    record_open(&aes128_tls13, &key, &state, in, n, text, sizeof text, &opened);
    assert_int_equal(opened.status, RECORD_TEXT);
    assert_int_equal(opened.n_read, 72);
    assert_int_equal(opened.n_text, 50);
    assert_memory_equal(text, expected, 50);
    record_open(&aes128_tls13, &key, &opened.state, in + 72, n - 72, text, sizeof text, &opened);
    assert_int_equal(opened.status, RECORD_CLOSED);
    assert_int_equal(opened.n_read, 24);
    assert_int_equal(opened.state.seq, 2);
}

static void test_seal_our_records(void **unused)
{
    (void)unused;
    const struct record_key key = key_of(stayd_secret);
    struct record_state state = {.seq = 1};
    uint8_t out[128];
    uint8_t text[50];
    counting_bytes(text, sizeof text);
    size_t n = record_seal(&aes128_tls13, &key, &state, text, sizeof text, out, sizeof out, &state);
    assert_hex(out, n, stayd_data);
    assert_int_equal(state.seq, 2);
    n = record_seal_alert(&aes128_tls13, &key, &state, RECORD_CLOSE_NOTIFY, out, sizeof out,
                          &state);
    assert_hex(out, n, stayd_alert);
    assert_int_equal(state.seq, 3);
}

// Nobody sends it to us, but it is authentic: the message is refused, not its tag.
static void test_a_ticket_is_authentic_and_unexpected(void **unused)
{
    (void)unused;
    const struct record_key key = key_of(stayd_secret);
    struct record_state state = {.seq = 0};
    struct record_opened opened;
    uint8_t in[256];
    uint8_t text[256];
    const size_t n = player_unhex(ticket_record, in);
    assert_int_equal(n, 227);
    record_open(&aes128_tls13, &key, &state, in, n, text, sizeof text, &opened);
    assert_int_equal(opened.status, RECORD_ALERT);
    assert_int_equal(opened.alert, RECORD_UNEXPECTED_MESSAGE);
    assert_int_equal(opened.n_text, 0);
}

static void test_tls13_keys_of_each_suite(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t cipher;
        size_t n_secret;
        size_t n_key;
    } suites[] = {{RECORD_AES_128_GCM, 32, 16},
                  {RECORD_AES_256_GCM, 48, 32},
                  {RECORD_CHACHA20_POLY1305, 32, 32}};
    uint8_t secret[48];
    uint8_t expected[48];
    counting_bytes(secret, sizeof secret);
    for (size_t i = 0; i < 3; i++) {
        const struct record_params params = {RECORD_TLS13, suites[i].cipher};
        struct record_key key;
        assert_true(record_key_tls13(&params, secret, suites[i].n_secret, &key));
        player_expand_label(secret, suites[i].n_secret, "key", expected, suites[i].n_key);
        assert_memory_equal(key.key, expected, suites[i].n_key);
        player_expand_label(secret, suites[i].n_secret, "iv", expected, 12);
        assert_memory_equal(key.iv, expected, 12);
        assert_memory_equal(key.secret, secret, suites[i].n_secret);
        // A secret of another hash's length belongs to another suite.
        assert_false(record_key_tls13(&params, secret, 80 - suites[i].n_secret, &key));
    }
}

// "PRF Testvectors for TLS 1.2", IETF TLS working group mailing list, 2009.
static void test_the_tests_own_prf(void **unused)
{
    (void)unused;
    uint8_t secret[16];
    uint8_t seed[16];
    uint8_t out[100];
    player_unhex("9bbe436ba940f017b17652849a71db35", secret);
    player_unhex("a0ba9f936cda311827a6f796ffd5198c", seed);
    player_prf(false, secret, sizeof secret, "test label", seed, sizeof seed, out, sizeof out);
    assert_hex(
        out, sizeof out,
        "e3f229ba727be17b8d122620557cd453c2aab21d07c3d495329b52d4e61edb5a6b301791e90d35c9c9a46b4e"
        "14baf9af0fa022f7077def17abfd3797c0564bab4fbc91666e9def9b97fce34f796789baa48082d122ee42c5"
        "a72e5a5110fff70187347b66");
}

static void test_tls12_keys_of_each_suite(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t cipher;
        bool is_sha384;
        size_t n_key;
        size_t n_iv;
    } suites[] = {{RECORD_AES_128_GCM, false, 16, 4},
                  {RECORD_AES_256_GCM, true, 32, 4},
                  {RECORD_CHACHA20_POLY1305, false, 32, 12}};
    uint8_t master[48];
    uint8_t seed[64]; // server random, client random
    for (size_t i = 0; i < 48; i++)
        master[i] = (uint8_t)(7 * i + 1);
    counting_bytes(seed, sizeof seed);
    for (size_t i = 0; i < 3; i++) {
        const struct record_params params = {RECORD_TLS12, suites[i].cipher};
        const size_t n_key = suites[i].n_key;
        const size_t n_iv = suites[i].n_iv;
        struct record_key from_client;
        struct record_key from_server;
        uint8_t block[88];
        assert_true(record_keys_tls12(&params, suites[i].is_sha384, master, seed + 32, seed,
                                      &from_client, &from_server));
        player_prf(suites[i].is_sha384, master, 48, "key expansion", seed, 64, block,
                   2 * (n_key + n_iv));
        assert_memory_equal(from_client.key, block, n_key);
        assert_memory_equal(from_server.key, block + n_key, n_key);
        assert_memory_equal(from_client.iv, block + 2 * n_key, n_iv);
        assert_memory_equal(from_server.iv, block + 2 * n_key + n_iv, n_iv);
    }
}

// What we seal is, byte for byte, what the RFCs' formulas give.
static void test_tls12_records_on_the_wire(void **unused)
{
    (void)unused;
    struct record_key key;
    counting_bytes((uint8_t *)&key, sizeof key);
    for (uint8_t cipher = 0; cipher < RECORD_N_CIPHERS; cipher++) {
        const struct record_params params = {RECORD_TLS12, cipher};
        const bool is_gcm = cipher != RECORD_CHACHA20_POLY1305;
        const struct record_state state = {.seq = 0x0102030405060708};
        struct record_state next;
        uint8_t out[64];
        const size_t n = record_seal(&params, &key, &state, (const uint8_t *)"look\n", 5, out,
                                     sizeof out, &next);
        assert_int_equal(n, 5 + (is_gcm ? 8 : 0) + 5 + 16);
        assert_hex(out, 5, is_gcm ? "170303001d" : "1703030015");
        if (is_gcm)
            assert_hex(out + 5, 8, "0102030405060708"); // explicit nonce: the sequence number
        struct record_opened opened;
        uint8_t text[64];
        record_open(&params, &key, &state, out, n, text, sizeof text, &opened);
        assert_int_equal(opened.status, RECORD_TEXT);
        assert_int_equal(opened.n_text, 5);
        assert_memory_equal(text, "look\n", 5);
        assert_int_equal(opened.state.seq, state.seq + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_traffic_keys),
        cmocka_unit_test(test_open_the_players_records),
        cmocka_unit_test(test_seal_our_records),
        cmocka_unit_test(test_a_ticket_is_authentic_and_unexpected),
        cmocka_unit_test(test_tls13_keys_of_each_suite),
        cmocka_unit_test(test_the_tests_own_prf),
        cmocka_unit_test(test_tls12_keys_of_each_suite),
        cmocka_unit_test(test_tls12_records_on_the_wire),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
