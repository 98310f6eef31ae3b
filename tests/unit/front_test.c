// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where a game's bytes leave it (telnet/telnet_front.h).
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "telnet/telnet_front.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1
#define NAWS_10 "\xff\xfa\x1f\x00P\x00\n\xff\xf0" // a window of ten lines has an LF in it

// The rest of what `had` has begun is this much of `next`. The same by single bytes.
static void assert_rest(bool is_telnet, const uint8_t *had, size_t n_had, const uint8_t *next,
                        size_t n_next, size_t wanted, bool is_more_wanted)
{
    uint8_t front = front_follow(0, is_telnet, had, n_had);
    uint8_t slow = 0;
    for (size_t i = 0; i < n_had; i++)
        slow = front_follow(slow, is_telnet, had + i, 1);
    assert_int_equal(slow, front);
    assert_true(front_is_valid(front));
    assert_int_equal(front_rest(&front, is_telnet, next, n_next), wanted);
    assert_true(front_is_valid(front));
    assert_int_equal(front_is_begun(front), is_more_wanted);
    size_t at = 0;
    while (at < n_next && front_rest(&slow, is_telnet, next + at, 1) == 1)
        at++;
    assert_int_equal(at, wanted);
    assert_int_equal(slow, front);
}

#define REST(is_telnet, had, rest, after)                                                          \
    assert_rest(is_telnet, BYTES(had), BYTES(rest after), sizeof(rest) - 1, false)
#define ALL_IS_REST(is_telnet, had, rest)                                                          \
    assert_rest(is_telnet, BYTES(had), BYTES(rest), sizeof(rest) - 1, true)

static void a_line_ends_with_lf_crlf_crnul_or_cr(void **state)
{
    (void)state;
    for (int is_telnet = 0; is_telnet < 2; is_telnet++) {
        REST(is_telnet, "", "", "north\n");
        REST(is_telnet, "no", "rth\n", "look\n");
        REST(is_telnet, "no", "rth\r\n", "\nlook\n");
        REST(is_telnet, "no", "rth\r\0", "\0look\n");
        REST(is_telnet, "no", "rth\r", "look\n");
        REST(is_telnet, "no\n", "", "\nlook\n");
        ALL_IS_REST(is_telnet, "no", "rth");
    }
}

static void what_belongs_to_a_cr_may_come_later(void **state)
{
    (void)state;
    REST(false, "north\r", "\n", "look\n");
    REST(true, "north\r", "\0", "look\n");
    REST(true, "north\r\n", "", "\nlook\n");
    REST(true, "north\r", "", "look\n");
    ALL_IS_REST(true, "north\r\0\0", "look");
    REST(false, "north\n\n\r", "\n", "look\n");
}

static void a_command_is_no_part_of_a_line(void **state)
{
    (void)state;
    REST(true, "\xff", "\xf1", "look\n");
    REST(true, "\xff\xfb", "\x1f", "look\n");
    REST(true, "\xff\xfb\n", "", "look\n");
    REST(true, "no\xff\xfb",
         "\n"
         "rth\n",
         "look\n");
    REST(true, "\xff\xff", "rth\n", "look\n"); // a letter
    ALL_IS_REST(true, "no", "\xff\xf1");
}

static void a_subnegotiation_has_no_lines(void **state)
{
    (void)state;
    REST(true, NAWS_10, "", "look\n");
    REST(true, "\xff\xfa\x1f\x00P", "\x00\n\xff\xf0", "look\n");
    REST(true, "\xff\xfa", "\x1f\x00P\x00\n\xff\xf0", "look\n");
    REST(true, "no\xff\xfa\x1f\xff",
         "\xff\r\xff\xf0"
         "rth\n",
         "look\n");
    REST(true, "no", NAWS_10 "rth\n", "look\n");
    REST(true, "\xff\xfa\x18x", "\xff\xfb\x1f", "look\n");     // another command ends it
    REST(true, "\xff\xfa\x1f\x00", "\xff\x01\n\xff\xf0", "x"); // a 255 that was not doubled
    ALL_IS_REST(true, "\xff\xfa\x1f", "\x00P\x00\n");
    REST(false, "no", "\xff\xfa\x1f\x00P\x00\n", "\xff\xf0");
}

static void a_line_that_has_ended_is_found(void **state)
{
    (void)state;
    assert_true(front_ends_line(0, true, BYTES("look\n")));
    assert_true(front_ends_line(0, true, BYTES("look\r")));
    assert_true(front_ends_line(FRONT_IN_LINE, false, BYTES("\nlo")));
    assert_false(front_ends_line(0, true, BYTES("look")));
    assert_false(front_ends_line(FRONT_AFTER_CR, true, BYTES("\nlook")));
    assert_false(front_ends_line(0, true, BYTES(NAWS_10 "look")));
    assert_true(front_ends_line(0, false, BYTES(NAWS_10 "look")));
}

static void states_that_cannot_be_are_told(void **state)
{
    (void)state;
    assert_false(front_is_valid(FRONT_IN_LINE | FRONT_AFTER_CR));
    assert_false(front_is_valid(6 << 2));
    assert_true(front_is_valid(5 << 2 | FRONT_IN_LINE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_ends_with_lf_crlf_crnul_or_cr),
        cmocka_unit_test(what_belongs_to_a_cr_may_come_later),
        cmocka_unit_test(a_command_is_no_part_of_a_line),
        cmocka_unit_test(a_subnegotiation_has_no_lines),
        cmocka_unit_test(a_line_that_has_ended_is_found),
        cmocka_unit_test(states_that_cannot_be_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
