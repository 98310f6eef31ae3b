// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// minimush's way from bytes to lines, and the fields that carry half a line through a reboot.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "line.h"
#include "state.h"
#include "telnet.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// Everything that comes out of `in`, telnet taken out, each line ended by '|', and by '~' before it
// when it was too long. At each n_piece bytes the state is copied to a new place.
static char *lines_of(const char *in, size_t n_in, size_t n_piece)
{
    static char out[65536];
    struct line line = {0};
    struct telnet telnet = {0};
    size_t n_out = 0;
    for (size_t at = 0; at < n_in; at++) {
        uint8_t byte = (uint8_t)in[at];
        if (telnet_take(&telnet, byte) == TELNET_TEXT && line_take(&line, byte))
            n_out += (size_t)sprintf(out + n_out, "%s%s|", line.text, line.was_dropped ? "~" : "");
        if (at % n_piece == 0) {
            struct line copy = line;
            memset(&line, 0xa5, sizeof line);
            line = copy;
        }
    }
    out[n_out] = '\0';
    return out;
}

static void assert_lines(const char *in, size_t n_in, const char *wanted)
{
    for (size_t n_piece = 1; n_piece <= n_in; n_piece++)
        assert_string_equal(lines_of(in, n_in, n_piece), wanted);
}

#define ASSERT_LINES(in, wanted) assert_lines(in, sizeof(in) - 1, wanted)

static void every_line_ending_ends_one_line(void **state)
{
    (void)state;
    ASSERT_LINES("a\r\nb\nc\rd\r\0e\n", "a|b|c|d|e|");
    ASSERT_LINES("\r\n\n\r", "|||");
    ASSERT_LINES("half", "");
}

static void telnet_commands_are_taken_out_wherever_they_are_cut(void **state)
{
    (void)state;
    ASSERT_LINES("a\xff\xfb\x01"
                 "b\xff\xf1"
                 "c\n",
                 "abc|");
    ASSERT_LINES("\xff\xfa\x18\x00xterm\r\n\xff\xf0look\n", "look|");
    ASSERT_LINES("\xff\xfa\x1f\xff\xff\x00\x50\xff\xf0ok\n", "ok|"); // IAC IAC inside
    ASSERT_LINES("a\xff\xff"
                 "b\n",
                 "a?b|"); // byte 255 is not UTF-8
}

static void control_characters_do_not_come_through(void **state)
{
    (void)state;
    ASSERT_LINES("a\x1b[31m\x07"
                 "b\tc\x00"
                 "d\n",
                 "a[31mb cd|");
    ASSERT_LINES("ab\bc\x7f"
                 "d\xc3\xa9\b!\n",
                 "ad!|");
    ASSERT_LINES("\b\b\x7fx\n", "x|");
}

static void utf8_comes_through_and_what_is_none_becomes_a_mark(void **state)
{
    (void)state;
    ASSERT_LINES("Gr\xc3\xbc\xc3\x9f"
                 "e \xe2\x82\xac \xf0\x9f\x8e\xb2\n",
                 "Gr\xc3\xbc\xc3\x9f"
                 "e \xe2\x82\xac \xf0\x9f\x8e\xb2|");
    ASSERT_LINES("\xfc\xe9 \xc0\xaf \xed\xa0\x80 \xe2\x82\n", "?? ?? ??? ??|");
    ASSERT_LINES("\xc2\x9b"
                 "31m\n",
                 "??31m|"); // CSI as a C1 control
}

static void a_line_that_is_too_long_is_dropped_and_the_next_is_whole(void **state)
{
    (void)state;
    size_t n = LINE_MAX_BYTES + 100;
    char *in = malloc(n + 8);
    memset(in, 'x', n);
    memcpy(in + n, "\r\nnext\r\n", 8);
    assert_string_equal(lines_of(in, n + 8, 1000), "~|next|");
    memcpy(in + LINE_MAX_BYTES, "\r\nnext\r\n", 8);
    char *out = lines_of(in, LINE_MAX_BYTES + 8, 1000);
    assert_int_equal(strspn(out, "x"), LINE_MAX_BYTES);
    assert_string_equal(out + LINE_MAX_BYTES, "|next|");
    free(in);
}

static void whatever_comes_in_the_state_stays_within_its_bounds(void **state)
{
    (void)state;
    struct line line = {0};
    struct telnet telnet = {0};
    uint32_t random = 4202;
    size_t n_answered = 0;
    for (int i = 0; i < 300000; i++) {
        random = random * 1664525u + 1013904223u;
        // Mostly the bytes that change the state.
        static const uint8_t bytes[] = {255, 255, 250, 240, 251, 253, 254,  201,  42,  31,
                                        24,  1,   8,   127, 13,  0,   0xc3, 0xa9, 'x', 'x'};
        uint8_t byte = bytes[(random >> 16) % sizeof bytes];
        byte = i % 9000 == 0 ? '\n' : byte;
        line.charset = i % 10000 < 5000 ? LINE_UTF8 : LINE_LATIN1;
        if (telnet_take(&telnet, byte) == TELNET_TEXT)
            line_take(&line, byte);
        n_answered += telnet.n_out / 3;
        assert_true(telnet.n_out <= TELNET_OUT_BYTES && telnet.n_sub <= TELNET_SUB_BYTES);
        assert_true(line.n_text <= LINE_MAX_BYTES);
        telnet.n_out = 0;
    }
    assert_true(n_answered <= TELNET_MAX_ANSWERS);
}

static void latin_1_comes_in_as_utf8_and_goes_out_with_marks_for_what_it_lacks(void **state)
{
    (void)state;
    struct line line = {.charset = LINE_LATIN1};
    char out[64];
    for (const char *at = "Gr\xfc\xdf\x65\n"; *at != '\0'; at++)
        line_take(&line, (uint8_t)*at);
    assert_string_equal(line.text, "Gr\xc3\xbc\xc3\x9f\x65");
    size_t n = line_to_latin1(line.text, strlen(line.text), out);
    assert_int_equal(n, 5);
    assert_memory_equal(out, "Gr\xfc\xdf\x65", 5);
    n = line_to_latin1("\xe2\x82\xac\xf0\x9f\x8e\xb2!", 8, out);
    assert_int_equal(n, 3);
    assert_memory_equal(out,
                        "??"
                        "!",
                        3);
}

static void fields_come_back_and_a_cut_ends_them(void **state)
{
    (void)state;
    struct state fields = {0};
    struct state_field field;
    state_put_number(&fields, 1, -42);
    state_put(&fields, 2, "half a li", 9);
    state_put(&fields, 3, NULL, 0);
    for (size_t n = 0; n <= fields.n; n++) {
        uint8_t *cut = malloc(n + 1);
        memcpy(cut, fields.bytes, n);
        int n_fields = 0;
        for (size_t at = 0; state_next(cut, n, &at, &field); n_fields++)
            assert_int_equal(field.tag, n_fields + 1);
        assert_int_equal(n_fields, (n >= 13) + (n >= 27) + (n >= 32));
        free(cut);
    }
    size_t at = 0;
    assert_true(state_next(fields.bytes, fields.n, &at, &field));
    assert_int_equal(state_number(&field), -42);
    assert_true(state_next(fields.bytes, fields.n, &at, &field));
    assert_memory_equal(field.value, "half a li", 9);
    assert_int_equal(state_number(&field), 0); // it is not one
    state_free(&fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_line_ending_ends_one_line),
        cmocka_unit_test(telnet_commands_are_taken_out_wherever_they_are_cut),
        cmocka_unit_test(control_characters_do_not_come_through),
        cmocka_unit_test(utf8_comes_through_and_what_is_none_becomes_a_mark),
        cmocka_unit_test(a_line_that_is_too_long_is_dropped_and_the_next_is_whole),
        cmocka_unit_test(whatever_comes_in_the_state_stays_within_its_bounds),
        cmocka_unit_test(latin_1_comes_in_as_utf8_and_goes_out_with_marks_for_what_it_lacks),
        cmocka_unit_test(fields_come_back_and_a_cut_ends_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
