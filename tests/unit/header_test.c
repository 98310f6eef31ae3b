// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Header writers, byte by byte (doc/PROTOCOL.header).
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "game/header.h"
#include "vault/facts.h"

#include <string.h>

static const uint8_t ipv4_to[16] = {[10] = 0xff, 0xff, 198, 51, 100, 1};

static struct slot ipv4_slot(void)
{
    struct slot slot = {.port = 0xca8c, .address = {[10] = 0xff, 0xff, 192, 0, 2, 7}};
    for (unsigned i = 0; i < 16; i++)
        slot.id[i] = (uint8_t)(0xa0 + i);
    return slot;
}

static struct slot ipv6_slot(void)
{
    struct slot slot = ipv4_slot();
    memcpy(slot.address, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [15] = 7}, 16);
    return slot;
}

static void assert_v1(const struct slot *slot, const uint8_t to[16], uint16_t to_port,
                      const char *wanted)
{
    uint8_t out[HEADER_MAX_BYTES];
    size_t n = header_write(CONF_PROXY_V1, slot, to, to_port, NULL, out);
    assert_int_equal(n, strlen(wanted));
    assert_memory_equal(out, wanted, n);
}

static void v1_is_a_line_for_both_families(void **state)
{
    struct slot slot = ipv4_slot();
    (void)state;
    assert_v1(&slot, ipv4_to, 4202, "PROXY TCP4 192.0.2.7 198.51.100.1 51852 4202\r\n");
    slot = ipv6_slot();
    assert_v1(&slot, slot.address, 4202, "PROXY TCP6 2001:db8::7 2001:db8::7 51852 4202\r\n");
}

static void v1_of_two_families_has_the_players(void **state)
{
    static const uint8_t unknown[16] = {0};
    struct slot slot = ipv4_slot();
    (void)state;
    assert_v1(&slot, ipv6_slot().address, 4202, "PROXY TCP4 192.0.2.7 0.0.0.0 51852 4202\r\n");
    assert_v1(&slot, unknown, 0, "PROXY TCP4 192.0.2.7 0.0.0.0 51852 0\r\n");
    slot = ipv6_slot();
    assert_v1(&slot, ipv4_to, 4202, "PROXY TCP6 2001:db8::7 :: 51852 4202\r\n");
}

static void v1_at_its_longest_is_what_the_specification_allows(void **state)
{
    struct slot slot = ipv4_slot();
    uint8_t out[HEADER_MAX_BYTES];
    (void)state;
    slot.port = UINT16_MAX;
    memset(slot.address + 12, 255, 4);
    assert_int_equal(header_write(CONF_PROXY_V1, &slot, slot.address, UINT16_MAX, NULL, out), 56);
    memset(slot.address, 255, 16);
    assert_int_equal(header_write(CONF_PROXY_V1, &slot, slot.address, UINT16_MAX, NULL, out), 104);
}

static void pennmush_reads_address_and_host_or_the_address_twice(void **state)
{
    uint8_t out[HEADER_MAX_BYTES];
    struct slot slot = ipv4_slot();
    (void)state;
    size_t n = header_write(CONF_PENNMUSH, &slot, ipv4_to, 4202, NULL, out);
    assert_int_equal(n, 21);
    assert_memory_equal(out, "192.0.2.7^192.0.2.7\r\n", n);
    assert_true(facts_add(&slot, FACT_HOST, "ada.example", 11));
    n = header_write(CONF_PENNMUSH, &slot, ipv4_to, 4202, NULL, out);
    assert_int_equal(n, 23);
    assert_memory_equal(out, "192.0.2.7^ada.example\r\n", n);
    assert_int_equal(header_write(CONF_HEADER_NONE, &slot, ipv4_to, 4202, NULL, out), 0);
}

static void pennmush_is_not_told_a_name_that_it_would_cut(void **state)
{
    uint8_t out[HEADER_MAX_BYTES];
    char name[101];
    (void)state;
    memset(name, 'n', sizeof name);
    struct slot slot = ipv4_slot();
    assert_true(facts_add(&slot, FACT_HOST, name, 99));
    assert_int_equal(header_write(CONF_PENNMUSH, &slot, ipv4_to, 4202, NULL, out), 10 + 99 + 2);
    slot = ipv4_slot();
    assert_true(facts_add(&slot, FACT_HOST, name, 100));
    assert_int_equal(header_write(CONF_PENNMUSH, &slot, ipv4_to, 4202, NULL, out), 21);
    assert_memory_equal(out, "192.0.2.7^192.0.2.7\r\n", 21);
}

static void forwarded_is_an_offer_and_the_host_or_else_the_address(void **state)
{
    uint8_t out[HEADER_FORWARDED_BYTES];
    struct slot slot = ipv6_slot();
    char host[128];
    (void)state;
    static const char address[] = "\xff\xfb\x71\xff\xfa\x71"
                                  "2001:db8::7\xff\xf0";
    assert_int_equal(header_write_forwarded(&slot, out), sizeof address - 1);
    assert_memory_equal(out, address, sizeof address - 1);
    memset(host, 'x', sizeof host);
    assert_true(facts_add(&slot, FACT_HOST, host, 127));
    assert_int_equal(header_write_forwarded(&slot, out), 6 + 127 + 2);
    assert_memory_equal(out + 6, host, 127);
    assert_memory_equal(out + 6 + 127, "\xff\xf0", 2);
}

static void v2_of_a_plain_player_has_addresses_and_id(void **state)
{
    static const uint8_t wanted[] = {
        0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a,
        0x21, 0x11, 0,    31,   192,  0,    2,    7,    198,  51,   100,  1,
        0xca, 0x8c, 0x10, 0x6a, 0x05, 0,    16,   0xa0, 0xa1, 0xa2, 0xa3, 0xa4,
        0xa5, 0xa6, 0xa7, 0xa8, 0xa9, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf,
    };
    uint8_t out[HEADER_MAX_BYTES];
    struct slot slot = ipv4_slot();
    (void)state;
    assert_int_equal(header_write(CONF_PROXY_V2, &slot, ipv4_to, 4202, NULL, out), sizeof wanted);
    assert_memory_equal(out, wanted, sizeof wanted);
    slot = ipv6_slot();
    size_t n = header_write(CONF_PROXY_V2, &slot, slot.address, 4202, NULL, out);
    assert_int_equal(out[13], 0x21);
    assert_int_equal(n, 16 + 36 + 19);
    assert_memory_equal(out + 16, slot.address, 16);
}

static void v2_of_a_tls_player_tells_version_cipher_and_certificate(void **state)
{
    static const uint8_t verify[4] = {0, 0, 0, 18};
    uint8_t digest[32];
    uint8_t out[HEADER_MAX_BYTES];
    struct slot slot = ipv4_slot();
    (void)state;
    memset(digest, 0xd1, sizeof digest);
    slot.flags |= SLOT_FLAG_TLS;
    slot.tls_version = RECORD_TLS13;
    slot.suite = 0x1301;
    assert_true(facts_add(&slot, FACT_CERT_VERIFY, verify, 4));
    assert_true(facts_add(&slot, FACT_CERT_SHA256, digest, 32));
    assert_true(facts_add(&slot, FACT_CERT_NAME, "Ada", 3));
    assert_true(facts_add(&slot, FACT_SNI, "play.example", 12));
    size_t n = header_write(CONF_PROXY_V2, &slot, ipv4_to, 4202, NULL, out);
    // After addresses and id: SNI, fingerprint, SSL.
    const uint8_t *at = out + 16 + 12 + 19;
    assert_memory_equal(at, "\x02\x00\x0cplay.example", 15);
    at += 15;
    assert_memory_equal(at, "\xe1\x00\x20", 3);
    assert_memory_equal(at + 3, digest, 32);
    at += 35;
    static const uint8_t ssl[] = "\x20\x00\x2e\x07\x00\x00\x00\x12\x21\x00\x07TLSv1.3\x22\x00\x03"
                                 "Ada\x23\x00\x16TLS_AES_128_GCM_SHA256";
    assert_memory_equal(at, ssl, sizeof ssl - 1);
    assert_int_equal(out + n - at, sizeof ssl - 1);
}

static void the_fullest_slot_fits(void **state)
{
    uint8_t out[HEADER_MAX_BYTES];
    uint8_t fact[SLOT_FACTS_BYTES - 2];
    struct slot slot = ipv6_slot();
    (void)state;
    memset(fact, 'x', sizeof fact);
    slot.flags |= SLOT_FLAG_TLS;
    slot.tls_version = RECORD_TLS12;
    slot.suite = 0xc02b;
    assert_true(facts_add(&slot, FACT_CERT_NAME, fact, sizeof fact));
    size_t n = header_write(CONF_PROXY_V2, &slot, slot.address, 4202, NULL, out);
    assert_true(n < HEADER_MAX_BYTES);
    assert_int_equal(n, 16u + ((size_t)out[14] << 8 | out[15]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v1_is_a_line_for_both_families),
        cmocka_unit_test(v1_of_two_families_has_the_players),
        cmocka_unit_test(v1_at_its_longest_is_what_the_specification_allows),
        cmocka_unit_test(pennmush_reads_address_and_host_or_the_address_twice),
        cmocka_unit_test(pennmush_is_not_told_a_name_that_it_would_cut),
        cmocka_unit_test(forwarded_is_an_offer_and_the_host_or_else_the_address),
        cmocka_unit_test(v2_of_a_plain_player_has_addresses_and_id),
        cmocka_unit_test(v2_of_a_tls_player_tells_version_cipher_and_certificate),
        cmocka_unit_test(the_fullest_slot_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
