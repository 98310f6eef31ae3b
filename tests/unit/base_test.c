// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The small headers of base: hash.h, whose values stand in vaults of earlier programs; hex.h.
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/hex.h"

#include <string.h>

// draft-eastlake-fnv-22, section 6.
static void hashes_are_fnv_1a(void **state)
{
    (void)state;
    assert_int_equal(hash32_add_text(HASH32_START, ""), 0x811c9dc5u);
    assert_int_equal(hash32_add_text(HASH32_START, "a"), 0xe40c292cu);
    assert_int_equal(hash32_add_text(HASH32_START, "foobar"), 0xbf9cf968u);
    assert_true(hash64_add_text(HASH64_START, "") == 0xcbf29ce484222325u);
    assert_true(hash64_add_text(HASH64_START, "a") == 0xaf63dc4c8601ec8cu);
    assert_true(hash64_add_text(HASH64_START, "foobar") == 0x85944171f73967e8u);
}

static void a_hash_is_gone_on_with(void **state)
{
    (void)state;
    assert_int_equal(hash32_add_text(hash32_add(HASH32_START, "foo", 3), "bar"), 0xbf9cf968u);
    assert_true(hash64_add_number(hash64_add(HASH64_START, "fooba", 5), 'r') ==
                0x85944171f73967e8u);
}

static void digits_are_written_in_lower_case(void **state)
{
    char text[9] = "????????";
    (void)state;
    assert_ptr_equal(hex_write(text, "\x00\x5e\xff", 3), text + 6);
    assert_memory_equal(text, "005eff??", 9);
}

static void digits_are_read_in_either_case(void **state)
{
    uint8_t bytes[3];
    (void)state;
    assert_true(hex_read(bytes, "005efF??", 3));
    assert_memory_equal(bytes, "\x00\x5e\xff", 3);
    static const char *const wrong[] = {"",   "0",  "0g",  "g0",    "0x",
                                        " 0", "-1", "00 ", "0000g", "00000/"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(hex_read(bytes, wrong[i], (strlen(wrong[i]) + 2) / 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_fnv_1a),
        cmocka_unit_test(a_hash_is_gone_on_with),
        cmocka_unit_test(digits_are_written_in_lower_case),
        cmocka_unit_test(digits_are_read_in_either_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
