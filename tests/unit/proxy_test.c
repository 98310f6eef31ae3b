// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Headers of the PROXY protocol as balancers write them, and all that is none; and what of them
// becomes a player's facts.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bytes.h"
#include "entry/proxy.h"
#include "entry/vouch.h"
#include "vault/facts.h"

#include <stdio.h>
#include <string.h>

static const uint8_t ipv4[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 7};
static const uint8_t ipv4_to[16] = {[10] = 0xff, [11] = 0xff, 198, 51, 100, 1};
static const uint8_t ipv6[16] = {0x20, 1, 0xd, 0xb8, [15] = 7};

struct built {
    uint8_t bytes[PROXY_BYTES + 64];
    size_t n;
};

static void put(struct built *built, const void *bytes, size_t n)
{
    memcpy(built->bytes + built->n, bytes, n);
    built->n += n;
    if (built->n > 16)
        bytes_put16(built->bytes + 14, (uint16_t)(built->n - 16));
}

static void put_tlv(struct built *built, uint8_t type, const void *bytes, size_t n)
{
    const uint8_t head[3] = {type, (uint8_t)(n >> 8), (uint8_t)n};
    put(built, head, sizeof head);
    put(built, bytes, n);
}

static void begin(struct built *built, uint8_t command, uint8_t family)
{
    built->n = 0;
    put(built, "\r\n\r\n\0\r\nQUIT\n", 12);
    put(built, (const uint8_t[]){command, family, 0, 0}, 4);
}

static void begin_ipv4(struct built *built)
{
    begin(built, 0x21, 0x11);
    put(built, ipv4 + 12, 4);
    put(built, ipv4_to + 12, 4);
    put(built, (const uint8_t[]){0x04, 0xd2, 0x10, 0x69}, 4);
}

static void assert_span(struct proxy_span span, const char *text)
{
    assert_int_equal(span.n, strlen(text));
    assert_memory_equal(span.at, text, span.n);
}

static const char *read_line(const char *line, struct proxy *proxy)
{
    return proxy_read((const uint8_t *)line, strlen(line), proxy);
}

static void a_line_names_both_ends(void **state)
{
    struct proxy proxy;
    (void)state;
    assert_null(read_line("PROXY TCP4 192.0.2.7 198.51.100.1 1234 4201\r\n", &proxy));
    assert_true(proxy.is_named && !proxy.is_local && !proxy.is_tls);
    assert_memory_equal(proxy.from, ipv4, 16);
    assert_memory_equal(proxy.to, ipv4_to, 16);
    assert_int_equal(proxy.from_port, 1234);
    assert_int_equal(proxy.to_port, 4201);
    assert_null(read_line("PROXY TCP6 2001:db8::7 ::1 65535 0\r\n", &proxy));
    assert_memory_equal(proxy.from, ipv6, 16);
    assert_int_equal(proxy.from_port, 65535);
}

static void an_unknown_line_names_nobody_whatever_follows(void **state)
{
    struct proxy proxy;
    (void)state;
    assert_null(read_line("PROXY UNKNOWN\r\n", &proxy));
    assert_false(proxy.is_named);
    assert_null(read_line("PROXY UNKNOWN \x01 what ever  \r\n", &proxy));
    assert_false(proxy.is_named);
}

static void a_line_that_is_not_just_right_is_refused(void **state)
{
    static const char *const wrong[] = {
        "PROXY TCP4 192.0.2.7 198.51.100.1 1234 4201\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1234\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1234 4201 \r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1234 4201 9\r\n",
        "PROXY TCP4  192.0.2.7 198.51.100.1 1234 4201\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 01234 4201\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 1234 65536\r\n",
        "PROXY TCP4 192.0.2.7 198.51.100.1 -1 4201\r\n",
        "PROXY TCP4 192.0.2.007 198.51.100.1 1 4201\r\n",
        "PROXY TCP4 192.0.2 198.51.100.1 1 4201\r\n",
        "PROXY TCP4 ::1 ::2 1 4201\r\n",
        "PROXY TCP6 192.0.2.7 198.51.100.1 1 4201\r\n",
        "PROXY UDP4 192.0.2.7 198.51.100.1 1 4201\r\n",
        "PROXY tcp4 192.0.2.7 198.51.100.1 1 4201\r\n",
        "PROXY \r\n",
        "PROXY  TCP4\r\n",
    };
    struct proxy proxy;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_non_null(read_line(wrong[i], &proxy));
        assert_false(proxy.is_named);
    }
}

static void of_what_is_not_whole_every_byte_is_the_headers_and_none_behind(void **state)
{
    static const char line[] = "PROXY TCP4 192.0.2.7 198.51.100.1 1234 4201\r\n";
    struct built built;
    size_t n_header;
    (void)state;
    begin_ipv4(&built);
    put_tlv(&built, 5, "id", 2);
    for (size_t n = 0; n < built.n; n++)
        assert_int_equal(proxy_look(built.bytes, n, &n_header), PROXY_MORE);
    for (size_t n = 0; n < sizeof line - 1; n++)
        assert_int_equal(proxy_look((const uint8_t *)line, n, &n_header), PROXY_MORE);
    const size_t n = built.n;
    memcpy(built.bytes + n, "\x16\x03\n", 3);
    assert_int_equal(proxy_look(built.bytes, n + 3, &n_header), PROXY_WHOLE);
    assert_int_equal(n_header, n);
    snprintf((char *)built.bytes, sizeof built.bytes, "%sfirst\n", line);
    assert_int_equal(proxy_look(built.bytes, sizeof line + 5, &n_header), PROXY_WHOLE);
    assert_int_equal(n_header, sizeof line - 1);
}

static void what_begins_no_header_is_known_by_its_first_wrong_byte(void **state)
{
    size_t n_header;
    (void)state;
    assert_int_equal(proxy_look((const uint8_t *)"\x16", 1, &n_header), PROXY_NONE);
    assert_int_equal(proxy_look((const uint8_t *)"PROXX", 5, &n_header), PROXY_NONE);
    assert_int_equal(proxy_look((const uint8_t *)"\r\n\r\n\r", 5, &n_header), PROXY_NONE);
    assert_false(proxy_begins((const uint8_t *)"PROXY a b", 9));
    assert_false(proxy_begins((const uint8_t *)"PROXY TCP4", 10));
    assert_true(proxy_begins((const uint8_t *)"PROXY TCP4 ", 11));
    assert_true(proxy_begins((const uint8_t *)"\r\n\r\n\0\r\nQUIT\nab", 14));
}

static void headers_are_bounded(void **state)
{
    struct built built;
    size_t n_header;
    (void)state;
    memset(built.bytes, '1', sizeof built.bytes);
    memcpy(built.bytes, "PROXY TCP4 ", 11);
    assert_int_equal(proxy_look(built.bytes, PROXY_V1_BYTES - 1, &n_header), PROXY_MORE);
    assert_int_equal(proxy_look(built.bytes, PROXY_V1_BYTES, &n_header), PROXY_LONG);
    built.bytes[PROXY_V1_BYTES] = '\n';
    assert_int_equal(proxy_look(built.bytes, PROXY_V1_BYTES + 1, &n_header), PROXY_LONG);
    begin(&built, 0x21, 0);
    bytes_put16(built.bytes + 14, PROXY_BYTES - 16);
    assert_int_equal(proxy_look(built.bytes, 16, &n_header), PROXY_MORE);
    assert_int_equal(proxy_look(built.bytes, PROXY_BYTES, &n_header), PROXY_WHOLE);
    bytes_put16(built.bytes + 14, PROXY_BYTES - 15);
    assert_int_equal(proxy_look(built.bytes, 16, &n_header), PROXY_LONG);
}

static void the_longest_line_that_there_can_be_is_taken(void **state)
{
    static const char longest[] = "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535 ";
    struct proxy proxy;
    uint8_t line[PROXY_V1_BYTES];
    (void)state;
    memset(line, 'f', sizeof line);
    memcpy(line, longest, sizeof longest - 1);
    memcpy(line + sizeof line - 2, "\r\n", 2);
    assert_null(proxy_read(line, sizeof line, &proxy));
}

static void a_binary_header_says_what_its_tlvs_say(void **state)
{
    static const uint8_t ssl[] = "\x07\0\0\0\0\x21\0\x07TLSv1.3\x22\0\x03"
                                 "Ada\x23\0\x16TLS_AES_256_GCM_SHA384";
    struct built built;
    struct proxy proxy;
    (void)state;
    begin_ipv4(&built);
    put_tlv(&built, 1, "telnet", 6);
    put_tlv(&built, 2, "mush.example", 12);
    put_tlv(&built, 4, "\0\0\0", 3); // padding
    put_tlv(&built, 5, "an-id", 5);
    put_tlv(&built, 5, "another", 7); // the first one counts
    put_tlv(&built, 0x20, ssl, sizeof ssl - 1);
    put_tlv(&built, 0xEA, "vpce", 4);
    assert_null(proxy_read(built.bytes, built.n, &proxy));
    assert_true(proxy.is_named && proxy.is_tls);
    assert_memory_equal(proxy.from, ipv4, 16);
    assert_int_equal(proxy.to_port, 4201);
    assert_span(proxy.alpn, "telnet");
    assert_span(proxy.authority, "mush.example");
    assert_span(proxy.id, "an-id");
    assert_int_equal(proxy.client, 7);
    assert_span(proxy.version, "TLSv1.3");
    assert_span(proxy.name, "Ada");
    assert_span(proxy.cipher, "TLS_AES_256_GCM_SHA384");
}

static void addresses_of_ipv6_and_none_are_known(void **state)
{
    struct built built;
    struct proxy proxy;
    uint8_t unix_ends[216] = "/run/a.sock";
    (void)state;
    begin(&built, 0x21, 0x21);
    put(&built, ipv6, 16);
    put(&built, ipv6, 16);
    put(&built, (const uint8_t[]){0, 1, 0, 2}, 4);
    assert_null(proxy_read(built.bytes, built.n, &proxy));
    assert_true(proxy.is_named && proxy.to_port == 2);
    assert_memory_equal(proxy.from, ipv6, 16);
    begin(&built, 0x21, 0);
    put_tlv(&built, 5, "id", 2);
    assert_null(proxy_read(built.bytes, built.n, &proxy));
    assert_false(proxy.is_named);
    assert_span(proxy.id, "id");
    begin(&built, 0x21, 0x31); // Unix sockets have no address that counts
    put(&built, unix_ends, sizeof unix_ends);
    put_tlv(&built, 5, "id", 2);
    assert_null(proxy_read(built.bytes, built.n, &proxy));
    assert_false(proxy.is_named);
    assert_span(proxy.id, "id");
}

static void of_a_local_header_nothing_counts(void **state)
{
    struct built built;
    struct proxy proxy;
    (void)state;
    begin_ipv4(&built);
    put_tlv(&built, 5, "id", 2);
    built.bytes[12] = 0x20;
    put(&built, "\x05\xff", 2); // not even what is wrong
    assert_null(proxy_read(built.bytes, built.n, &proxy));
    assert_true(proxy.is_local && !proxy.is_named && proxy.id.n == 0);
}

static void a_binary_header_that_is_wrong_is_refused_and_says_nothing(void **state)
{
    static const struct {
        uint8_t command, family;
        const char *rest;
        size_t n;
    } wrong[] = {
        {0x11, 0x11, "12345678abcd", 12},     // version 1
        {0x22, 0x11, "12345678abcd", 12},     // neither LOCAL nor PROXY
        {0x21, 0x11, "12345678abc", 11},      // addresses cut short
        {0x21, 0x21, "12345678abcd", 12},     // ... of IPv6
        {0x21, 0x41, "12345678abcd", 12},     // a family that there is not
        {0x21, 0x13, "12345678abcd", 12},     // a transport
        {0x21, 0x12, "12345678abcd", 12},     // datagrams
        {0x21, 0x11, "12345678abcd\x05", 13}, // TLVs cut short
        {0x21, 0x11, "12345678abcd\x05\0\x01", 15},
        {0x21, 0x11, "12345678abcd\x20\0\x04\1\0\0\0", 19}, // what is said of TLS
        {0x21, 0x11, "12345678abcd\x20\0\x07\1\0\0\0\0\x21\0", 22},
        {0x21, 0x11, "12345678abcd\x03\0\x04\1\2\3\4", 19}, // a wrong sum
        {0x21, 0x11, "12345678abcd\x03\0\x03\1\2\3", 18},
    };
    struct built built;
    struct proxy proxy;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        begin(&built, wrong[i].command, wrong[i].family);
        put(&built, wrong[i].rest, wrong[i].n);
        assert_non_null(proxy_read(built.bytes, built.n, &proxy));
        assert_false(proxy.is_named || proxy.is_tls || proxy.id.n > 0);
    }
}

// The sum of haproxy 2.6.12 (send-proxy-v2 proxy-v2-options crc32c), as it came over the wire.
static void a_right_sum_is_taken_and_one_changed_bit_refused(void **state)
{
    static const uint8_t header[] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49,
                                     0x54, 0x0a, 0x21, 0x11, 0x00, 0x1e, 0x7f, 0x00, 0x00, 0x01,
                                     0x7f, 0x00, 0x00, 0x01, 0xd9, 0xfe, 0x7d, 0xf6, 0x03, 0x00,
                                     0x04, 0x61, 0x22, 0x99, 0xb1, 0x05, 0x00, 0x08, 0x69, 0x64,
                                     0x2d, 0x32, 0x36, 0x38, 0x35, 0x35};
    uint8_t changed[sizeof header];
    struct proxy proxy;
    (void)state;
    assert_null(proxy_read(header, sizeof header, &proxy));
    assert_span(proxy.id, "id-26855");
    for (size_t i = 16; i < sizeof changed; i++) {
        memcpy(changed, header, sizeof changed);
        changed[i] ^= 1;
        if (i != 28) // without the sum's type there is no sum
            assert_non_null(proxy_read(changed, sizeof changed, &proxy));
    }
}

static struct arrival of_balancer(bool is_tls)
{
    struct arrival arrival = {
        .tls_version = is_tls ? 0x0304 : 0, .suite = 0x1301, .write_limit = 16384};
    memcpy(arrival.address, ipv4, 16);
    return arrival;
}

static void assert_fact(const struct arrival *arrival, enum fact fact, const void *bytes, size_t n)
{
    size_t n_there = 0;
    const uint8_t *there = facts_look(arrival->facts, arrival->facts_bytes, fact, &n_there);
    assert_true((there != NULL) == (bytes != NULL));
    if (!there)
        return;
    assert_int_equal(n_there, n);
    assert_memory_equal(there, bytes, n);
}

static struct proxy_span span(const char *text)
{
    return (struct proxy_span){(const uint8_t *)text, strlen(text)};
}

static void tls_that_a_balancer_has_ended_takes_the_place_of_ours(void **state)
{
    const struct proxy proxy = {.is_named = true,
                                .is_tls = true,
                                .client = 7,
                                .version = span("TLSv1.3"),
                                .cipher = span("AES"),
                                .name = span("Ada"),
                                .id = span("id")};
    struct arrival arrival = of_balancer(true);
    (void)state;
    facts_put(arrival.facts, &arrival.facts_bytes, FACT_CERT_NAME, "balancer", 8);
    facts_put(arrival.facts, &arrival.facts_bytes, FACT_CERT_VERIFY, "\0\0\0\0", 4);
    facts_put(arrival.facts, &arrival.facts_bytes, FACT_SNI, "mush.example", 12);
    vouch_fill(&arrival, &proxy);
    assert_fact(&arrival, FACT_CERT_NAME, "Ada", 3);
    assert_fact(&arrival, FACT_CERT_VERIFY, NULL, 0);
    assert_fact(&arrival, FACT_SNI, "mush.example", 12);
    assert_fact(&arrival, FACT_PROXY_TLS, "\x07\0\0\0\0TLSv1.3", 12);
    assert_fact(&arrival, FACT_PROXY_CIPHER, "AES", 3);
    assert_fact(&arrival, FACT_PROXY_ID, "id", 2);
    assert_null(arrival_doubt(&arrival));
}

static void what_the_player_has_shown_comes_before_the_balancers_word(void **state)
{
    const struct proxy proxy = {
        .authority = span("other.example"), .alpn = span("telnet"), .id = span("id")};
    struct arrival arrival = of_balancer(true);
    (void)state;
    facts_put(arrival.facts, &arrival.facts_bytes, FACT_SNI, "mush.example", 12);
    vouch_fill(&arrival, &proxy);
    assert_fact(&arrival, FACT_SNI, "mush.example", 12);
    assert_fact(&arrival, FACT_ALPN, "telnet", 6);
    assert_fact(&arrival, FACT_PROXY_TO, NULL, 0);
    assert_null(arrival_doubt(&arrival));
}

static void a_name_without_tls_is_no_certificates(void **state)
{
    const struct proxy proxy = {.is_named = true, .name = span("Ada"), .cipher = span("AES")};
    struct arrival arrival = of_balancer(false);
    (void)state;
    vouch_fill(&arrival, &proxy);
    assert_fact(&arrival, FACT_CERT_NAME, NULL, 0);
    assert_fact(&arrival, FACT_PROXY_CIPHER, NULL, 0);
    assert_null(arrival_doubt(&arrival));
    facts_put(arrival.facts, &arrival.facts_bytes, FACT_CERT_NAME, "Ada", 3);
    assert_non_null(arrival_doubt(&arrival));
}

static void the_longest_id_there_is_fits_and_leaves_room_for_a_host(void **state)
{
    char id[129] = "";
    struct arrival arrival = of_balancer(false);
    (void)state;
    memset(id, 'x', 128);
    const struct proxy proxy = {.is_named = true, .id = span(id)};
    vouch_fill(&arrival, &proxy);
    assert_fact(&arrival, FACT_PROXY_ID, id, 128);
    assert_true(arrival.facts_bytes + 2u + 64u <= SLOT_FACTS_BYTES);
}

static void what_does_not_fit_is_left_out_and_the_rest_is_whole(void **state)
{
    char name[256] = "";
    struct arrival arrival = of_balancer(false);
    (void)state;
    memset(name, 'x', 255);
    const struct proxy proxy = {.is_named = true,
                                .is_tls = true,
                                .client = 3,
                                .version = span(name),
                                .name = span(name),
                                .authority = span(name),
                                .alpn = span(name),
                                .cipher = span(name),
                                .id = span("id")};
    vouch_fill(&arrival, &proxy);
    assert_fact(&arrival, FACT_SNI, NULL, 0);
    assert_fact(&arrival, FACT_PROXY_TLS, "\x03\0\0\0\0", 5);
    assert_fact(&arrival, FACT_PROXY_ID, "id", 2);
    assert_null(arrival_doubt(&arrival));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_names_both_ends),
        cmocka_unit_test(an_unknown_line_names_nobody_whatever_follows),
        cmocka_unit_test(a_line_that_is_not_just_right_is_refused),
        cmocka_unit_test(of_what_is_not_whole_every_byte_is_the_headers_and_none_behind),
        cmocka_unit_test(what_begins_no_header_is_known_by_its_first_wrong_byte),
        cmocka_unit_test(headers_are_bounded),
        cmocka_unit_test(the_longest_line_that_there_can_be_is_taken),
        cmocka_unit_test(a_binary_header_says_what_its_tlvs_say),
        cmocka_unit_test(addresses_of_ipv6_and_none_are_known),
        cmocka_unit_test(of_a_local_header_nothing_counts),
        cmocka_unit_test(a_binary_header_that_is_wrong_is_refused_and_says_nothing),
        cmocka_unit_test(a_right_sum_is_taken_and_one_changed_bit_refused),
        cmocka_unit_test(tls_that_a_balancer_has_ended_takes_the_place_of_ours),
        cmocka_unit_test(what_the_player_has_shown_comes_before_the_balancers_word),
        cmocka_unit_test(a_name_without_tls_is_no_certificates),
        cmocka_unit_test(the_longest_id_there_is_fits_and_leaves_room_for_a_host),
        cmocka_unit_test(what_does_not_fit_is_left_out_and_the_rest_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
