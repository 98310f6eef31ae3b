// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a PROXY header that has come back says (players/loops.h): the headers that game/header.h
// writes, and everything that is none.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "game/header.h"
#include "players/loops.h"

#include <string.h>

static const uint8_t ipv4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127, 0, 0, 1};
static const uint8_t ipv6[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
static uint8_t header[HEADER_MAX_BYTES];

static void check(enum conf_header kind, const uint8_t from[16], const uint8_t to[16])
{
    struct slot slot = {.port = 40001};
    struct loops_ends ends;
    memcpy(slot.address, from, 16);
    size_t n = header_write(kind, &slot, to, 4201, NULL, header);
    size_t n_seen = n < LOOPS_HEADER_BYTES ? n : LOOPS_HEADER_BYTES;
    assert_true(loops_read_header(header, n_seen, &ends));
    assert_memory_equal(ends.from, from, 16);
    assert_memory_equal(ends.to, to, 16);
    assert_int_equal(ends.from_port, 40001);
    assert_int_equal(ends.to_port, 4201);
}

static void test_our_own_headers_are_read(void **state)
{
    (void)state;
    check(CONF_PROXY_V1, ipv4, ipv4);
    check(CONF_PROXY_V1, ipv6, ipv6);
    check(CONF_PROXY_V2, ipv4, ipv4);
    check(CONF_PROXY_V2, ipv6, ipv6);
}

static void test_a_headers_beginning_and_other_words_are_none(void **state)
{
    struct slot slot = {.port = 40001};
    struct loops_ends ends;
    (void)state;
    memcpy(slot.address, ipv4, 16);
    header_write(CONF_PROXY_V2, &slot, ipv4, 4201, NULL, header);
    for (size_t n = 0; n < 28; n++)
        assert_false(loops_read_header(header, n, &ends));
    header[13] = 0x31; // AF_UNIX
    assert_false(loops_read_header(header, 64, &ends));
    static const char *const words[] = {"",
                                        "P",
                                        "PROXY",
                                        "PROXY ",
                                        "PROXY TCP4 127.0.0.1",
                                        "PROXY UNKNOWN\r\n",
                                        "PROXY TCP4 127.0.0.1 127.0.0.1 70000 1\r\n",
                                        "PROXY TCP4 127.0.0 127.0.0.1 1 1\r\n",
                                        "connect Wizard secret\r\n"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        assert_false(loops_read_header((const uint8_t *)words[i], strlen(words[i]), &ends));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_our_own_headers_are_read),
        cmocka_unit_test(test_a_headers_beginning_and_other_words_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
