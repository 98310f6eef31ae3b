// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Answers of the control channel: what is written is what is read.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ops/answer.h"
#include "ops/reply.h"

#include <string.h>

static char line[ANSWER_LINE_BYTES + 1];
static struct reply reply;

// Its line, without the LF, for reply_parse to cut up.
static char *text_of(const struct answer *answer)
{
    assert_true(answer->n <= sizeof answer->bytes);
    assert_int_equal(answer->bytes[answer->n - 1], '\n');
    assert_null(memchr(answer->bytes, '\n', answer->n - 1));
    memcpy(line, answer->bytes, answer->n - 1);
    line[answer->n - 1] = '\0';
    return line;
}

static enum reply_kind parse(const char *text)
{
    snprintf(line, sizeof line, "%s", text);
    return reply_parse(&reply, line);
}

static void items_and_ends_are_written_as_the_protocol_says(void **state)
{
    struct answer answer;
    (void)state;
    answer_item(&answer, "7");
    answer_text(&answer, "game", "mush");
    answer_number(&answer, "players", UINT64_MAX);
    answer_flag(&answer, "held", true);
    answer_text(&answer, "host", "");
    answer_finish(&answer);
    assert_string_equal(text_of(&answer),
                        "7 - game=mush players=18446744073709551615 held=yes host=\"\"");
    answer_ok(&answer, "7");
    answer_finish(&answer);
    assert_string_equal(text_of(&answer), "7 ok");
    answer_error(&answer, "7", REQUEST_NO_SUCH_GAME, "no; look");
    assert_string_equal(text_of(&answer), "7 error no-such-game no; look");
    answer_error(&answer, NULL, REQUEST_NOT_ALLOWED, "no; ask");
    assert_string_equal(text_of(&answer), "error not-allowed no; ask");
}

static void a_value_is_quoted_when_it_must_be(void **state)
{
    struct answer answer;
    (void)state;
    answer_ok(&answer, "1");
    answer_text(&answer, "a", "x y");
    answer_text(&answer, "b", "\"\\");
    answer_text(&answer, "c", "\n\x7f\xc3\xa4");
    answer_text(&answer, "d", "a=b");
    answer_finish(&answer);
    assert_string_equal(text_of(&answer),
                        "1 ok a=\"x y\" b=\"\\\"\\\\\" c=\"\\x0a\\x7f\\xc3\\xa4\" d=a=b");
}

static void what_was_written_is_read(void **state)
{
    static const char *const values[] = {"",   "plain",       "a b",         "\"",
                                         "\\", "\\x41",       "=",           "\xff\x01",
                                         " ",  "\"a\" \"b\"", "ends with \\"};
    const unsigned n = sizeof values / sizeof *values;
    struct answer answer;
    char key[] = "a";
    (void)state;
    answer_item(&answer, "id.1");
    for (unsigned i = 0; i < n; i++, key[0]++)
        answer_text(&answer, key, values[i]);
    answer_finish(&answer);
    assert_int_equal(reply_parse(&reply, text_of(&answer)), REPLY_ITEM);
    assert_string_equal(reply.id, "id.1");
    assert_int_equal(reply.n_pairs, n);
    key[0] = 'a';
    for (unsigned i = 0; i < n; i++, key[0]++)
        assert_string_equal(reply_find(&reply, key), values[i]);
    assert_string_equal(reply_find(&reply, "none"), "");
}

static void what_does_not_fit_is_left_off(void **state)
{
    static char large[ANSWER_LINE_BYTES];
    struct answer answer;
    (void)state;
    memset(large, '\n', sizeof large - 1);
    answer_item(&answer, "1");
    answer_text(&answer, "large", large);
    answer_text(&answer, "small", "s");
    for (int i = 0; i < 2000; i++)
        answer_text(&answer, "again", "and again");
    answer_finish(&answer);
    assert_int_equal(reply_parse(&reply, text_of(&answer)), REPLY_ITEM);
    assert_string_equal(reply.pair[0].key, "small");
    assert_int_equal(reply.n_pairs, REPLY_PAIRS);
}

static void ends_are_told_apart(void **state)
{
    (void)state;
    assert_int_equal(parse("1 ok"), REPLY_OK);
    assert_int_equal(reply.n_pairs, 0);
    assert_int_equal(parse("1 ok gone=1"), REPLY_OK);
    assert_string_equal(reply_find(&reply, "gone"), "1");
    assert_int_equal(parse("1 error short no memory; again"), REPLY_ERROR);
    assert_string_equal(reply.id, "1");
    assert_string_equal(reply.error, "short");
    assert_string_equal(reply.why, "no memory; again");
    assert_int_equal(parse("error not-allowed go away"), REPLY_ERROR);
    assert_string_equal(reply.id, "");
    assert_string_equal(reply.error, "not-allowed");
    assert_int_equal(parse("error error short why"), REPLY_ERROR); // an ID like any other
    assert_string_equal(reply.id, "error");
    assert_string_equal(reply.error, "short");
}

static void what_is_no_answer_is_broken(void **state)
{
    static const char *const broken[] = {
        "",
        "1",
        "1 OK",
        "1 - a",
        "1 - =b",
        "1 - a=\"",
        "1 - a=\"b\"c",
        "1 - a=\"\\x4\"",
        "1 - a=\"\\n\"",
        "1 - a=\"\\",
        "1 - a=b  c=d",
        "1 error",
        "1 - a=\"\\x",
    };
    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
        if (parse(broken[i]) != REPLY_BROKEN)
            fail_msg("taken: %s", broken[i]);
}

static void a_byte_0_does_not_end_a_value(void **state)
{
    (void)state;
    assert_int_equal(parse("1 - a=\"x\\x00y\" b=c"), REPLY_ITEM);
    assert_string_equal(reply_find(&reply, "a"), "x\xef\xbf\xbdy");
    assert_string_equal(reply_find(&reply, "b"), "c");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_and_ends_are_written_as_the_protocol_says),
        cmocka_unit_test(a_value_is_quoted_when_it_must_be),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(what_does_not_fit_is_left_off),
        cmocka_unit_test(ends_are_told_apart),
        cmocka_unit_test(what_is_no_answer_is_broken),
        cmocka_unit_test(a_byte_0_does_not_end_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
