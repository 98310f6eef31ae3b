// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Ends of lines (base/line.h).
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/line.h"

#define BYTES(text) (const uint8_t *)(text), sizeof(text) - 1

static void a_line_ends_with_lf_crlf_crnul_or_cr(void **state)
{
    (void)state;
    assert_int_equal(line_bytes(BYTES("ab\ncd\n")), 3);
    assert_int_equal(line_bytes(BYTES("ab\r\ncd\n")), 4);
    assert_int_equal(line_bytes(BYTES("ab\r\0cd\n")), 4);
    assert_int_equal(line_bytes(BYTES("ab\rcd\n")), 3);
    assert_int_equal(line_bytes(BYTES("ab\r")), 3);
    assert_int_equal(line_bytes(BYTES("\nab")), 1);
    assert_int_equal(line_bytes(BYTES("abcd")), 0);
    assert_int_equal(line_bytes(BYTES("a\0b")), 0);
    assert_int_equal(line_bytes(BYTES("")), 0);
}

static void what_was_sent_so_far_ends_a_line_or_not(void **state)
{
    (void)state;
    assert_true(line_ends_at(BYTES("ab\ncd"), 3));
    assert_true(line_ends_at(BYTES("ab\r\ncd"), 4));
    assert_true(line_ends_at(BYTES("ab\r\0cd"), 4));
    assert_true(line_ends_at(BYTES("ab\rcd"), 3));
    assert_true(line_ends_at(BYTES("ab\r"), 3));
    // The rest of its end belongs to the line.
    assert_false(line_ends_at(BYTES("ab\r\ncd"), 3));
    assert_false(line_ends_at(BYTES("ab\r\0cd"), 3));
    assert_false(line_ends_at(BYTES("ab\r\ncd"), 5));
    assert_false(line_ends_at(BYTES("a\0bcd"), 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_ends_with_lf_crlf_crnul_or_cr),
        cmocka_unit_test(what_was_sent_so_far_ends_a_line_or_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
