// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Addresses in their three forms.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/address.h"

#include <string.h>
#include <sys/un.h>

static struct sockaddr_storage address;
static socklen_t n_bytes;

static const char *parse_and_print(const char *text, uint16_t default_port)
{
    static char printed[ADDRESS_TEXT_BYTES];
    const char *wrong = address_parse(text, default_port, &address, &n_bytes);
    if (wrong)
        fail_msg("%s: %s", text, wrong);
    return address_print_port(printed, (struct sockaddr *)&address);
}

static void written_addresses_are_read_and_printed(void **state)
{
    (void)state;
    assert_string_equal(parse_and_print("[::]:4202", 0), "[::]:4202");
    assert_int_equal(n_bytes, sizeof(struct sockaddr_in6));
    assert_string_equal(parse_and_print("0.0.0.0:4202", 0), "0.0.0.0:4202");
    assert_int_equal(n_bytes, sizeof(struct sockaddr_in));
    assert_string_equal(parse_and_print("127.0.0.1:53", 0), "127.0.0.1:53");
    assert_string_equal(parse_and_print("[2001:DB8:0:0::1]:65535", 0), "[2001:db8::1]:65535");
    assert_string_equal(parse_and_print("192.0.2.7", 53), "192.0.2.7:53");
    assert_string_equal(parse_and_print("2001:db8::1", 53), "[2001:db8::1]:53");
    assert_string_equal(parse_and_print("[2001:db8::1]", 53), "[2001:db8::1]:53");
    assert_string_equal(parse_and_print("[::1]:5353", 53), "[::1]:5353");
    assert_string_equal(parse_and_print("[2001:1db8:2db8:3db8:4db8:5db8:255.255.255.255]:65535", 0),
                        "[2001:1db8:2db8:3db8:4db8:5db8:ffff:ffff]:65535");
}

static void wrong_addresses_are_refused_in_words(void **state)
{
    static const struct {
        const char *text, *wrong;
    } cases[] = {
        {"", "numeric"},
        {"localhost:1", "numeric"},
        {"192.0.2.7", "port is missing"},
        {"[::]", "port is missing"},
        {"[::]:", "port is wrong"},
        {"[::]:0", "port is wrong"},
        {"[::]:65536", "port is wrong"},
        {"[::]:123456", "port is wrong"},
        {"1.2.3.4:+5", "port is wrong"},
        {"1.2.3.4: 5", "port is wrong"},
        {"1.2.3.4:5x", "port is wrong"},
        {"[::", "numeric"},
        {"[::]4202", "port is wrong"},
        {"[1.2.3.4]:5", "numeric"},
        {"1.2.3:5", "numeric"},
        {":4202", "numeric"},
        {"[]:4202", "numeric"},
        {"::1:4202:zz", "numeric"},
        {"1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111", "numeric"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *wrong = address_parse(cases[i].text, 0, &address, &n_bytes);
        if (!wrong || !strstr(wrong, cases[i].wrong))
            fail_msg("\"%s\": %s", cases[i].text, wrong ? wrong : "accepted");
    }
}

static void the_16_byte_form_maps_ipv4_and_back(void **state)
{
    (void)state;
    static const uint8_t mapped[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};
    static const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
    char text[ADDRESS_TEXT_BYTES];
    uint8_t bytes[16];
    uint16_t port;
    parse_and_print("192.0.2.7:4202", 0);
    assert_true(address_to_bytes((struct sockaddr *)&address, bytes, &port));
    assert_memory_equal(bytes, mapped, 16);
    assert_int_equal(port, 4202);
    assert_true(address_is_ipv4(bytes));
    assert_string_equal(address_print(text, bytes), "192.0.2.7");
    assert_int_equal(address_from_bytes(bytes, 9, &address), sizeof(struct sockaddr_in));
    assert_string_equal(address_print_port(text, (struct sockaddr *)&address), "192.0.2.7:9");
    parse_and_print("[::ffff:192.0.2.7]:4202", 0);
    assert_int_equal(address.ss_family, AF_INET);
    assert_int_equal(n_bytes, sizeof(struct sockaddr_in));
    // As an IPv6 listener without IPV6_V6ONLY would show it.
    struct sockaddr_in6 shown = {.sin6_family = AF_INET6};
    memcpy(&shown.sin6_addr, mapped, 16);
    assert_true(address_to_bytes((struct sockaddr *)&shown, bytes, NULL));
    assert_memory_equal(bytes, mapped, 16);

    assert_int_equal(address_from_bytes(six, 4202, &address), sizeof(struct sockaddr_in6));
    assert_string_equal(address_print_port(text, (struct sockaddr *)&address),
                        "[2001:db8::1]:4202");
    assert_true(address_to_bytes((struct sockaddr *)&address, bytes, &port));
    assert_memory_equal(bytes, six, 16);
    assert_false(address_is_ipv4(bytes));
    assert_string_equal(address_print(text, bytes), "2001:db8::1");
}

static void other_families_have_no_address(void **state)
{
    (void)state;
    const struct sockaddr_un un = {.sun_family = AF_UNIX};
    char text[ADDRESS_TEXT_BYTES];
    uint8_t bytes[16] = {1};
    uint16_t port = 1;
    assert_false(address_to_bytes((const struct sockaddr *)&un, bytes, &port));
    assert_int_equal(port, 0);
    assert_int_equal(bytes[0], 0);
    assert_false(address_is_loopback((const struct sockaddr *)&un));
    assert_string_equal(address_print_port(text, (const struct sockaddr *)&un), "-");
}

static void loopback_addresses_are_known(void **state)
{
    static const struct {
        const char *text;
        bool is_loopback;
    } cases[] = {{"127.0.0.1:1", true},     {"127.255.255.255:1", true},
                 {"[::1]:1", true},         {"[::ffff:127.0.0.1]:1", true},
                 {"128.0.0.1:1", false},    {"0.0.0.0:1", false},
                 {"[::]:1", false},         {"[::127.0.0.1]:1", false},
                 {"[2001:db8::1]:1", false}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        parse_and_print(cases[i].text, 0);
        assert_int_equal(address_is_loopback((struct sockaddr *)&address), cases[i].is_loopback);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_addresses_are_read_and_printed),
        cmocka_unit_test(wrong_addresses_are_refused_in_words),
        cmocka_unit_test(the_16_byte_form_maps_ipv4_and_back),
        cmocka_unit_test(other_families_have_no_address),
        cmocka_unit_test(loopback_addresses_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
