// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The control channel's requests: what each verb takes, and that each mistake has its word.
//
// Expects STAYD_SOURCE, the source folder, in the environment.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "ops/request.h"

#include <stdlib.h>
#include <string.h>

#define CONN "00112233445566778899aabbccddeeff"
#define OTHER "FFEEDDCCBBAA99887766554433221100"

static const uint8_t conn[16] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77,
                                 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};

static struct request request;

static const struct request *parse(const char *line)
{
    if (!request_parse(&request, line, strlen(line)))
        fail_msg("refused: %s: %s", line, request.why);
    assert_int_equal(request.error, REQUEST_GOOD);
    return &request;
}

// It is refused with this word, and the words say what to do.
static void assert_refused_bytes(const void *line, size_t n, enum request_error error)
{
    if (request_parse(&request, line, n))
        fail_msg("taken: %.*s", (int)n, (const char *)line);
    assert_int_equal(request.error, error);
    assert_non_null(strstr(request.why, "; "));
    assert_true(strlen(request.why) < REQUEST_WHY_BYTES - 1); // not cut
}

static void assert_refused(const char *line, enum request_error error)
{
    assert_refused_bytes(line, strlen(line), error);
}

static void attach_names_the_game_and_what_it_can(void **state)
{
    (void)state;
    parse("1 attach mush");
    assert_string_equal(request.id, "1");
    assert_int_equal(request.verb, REQUEST_ATTACH);
    assert_string_equal(request.game, "mush");
    assert_false(request.resumes || request.acknowledges);
    parse("1 attach mush resume");
    assert_true(request.resumes && !request.acknowledges);
    parse("1 attach mush ack");
    assert_true(!request.resumes && request.acknowledges);
    parse("1 attach m.u_s-h2 resume ack\r");
    assert_true(request.resumes && request.acknowledges);
    parse("1  attach  mush  ack  resume ");
    assert_true(request.resumes && request.acknowledges);
    assert_refused("1 attach", REQUEST_BAD_REQUEST);
    assert_refused("1 attach mush now", REQUEST_BAD_REQUEST);
    assert_refused("1 attach mush ack ack", REQUEST_BAD_REQUEST);
    assert_refused("1 attach mush resume ack resume", REQUEST_BAD_REQUEST);
    assert_refused("1 attach m/ush", REQUEST_BAD_REQUEST);
    assert_refused("1 attach *", REQUEST_BAD_REQUEST);
}

static void an_upgrades_path_is_absolute_and_may_hold_blanks(void **state)
{
    (void)state;
    parse("1 upgrade");
    assert_int_equal(request.verb, REQUEST_UPGRADE);
    assert_string_equal(request.text, "");
    parse("1 upgrade  /opt/a path/stayd");
    assert_string_equal(request.text, "/opt/a path/stayd");
    assert_refused("1 upgrade stayd", REQUEST_BAD_REQUEST);
    assert_refused("1 upgrade ./stayd", REQUEST_BAD_REQUEST);
}

static void an_unknown_verb_is_told_the_nearest_or_all(void **state)
{
    (void)state;
    assert_refused("1 statu", REQUEST_NO_SUCH_VERB);
    assert_string_equal(request.why, "no such verb; did you mean status?");
    assert_refused("1 relaod now", REQUEST_NO_SUCH_VERB);
    assert_string_equal(request.why, "no such verb; did you mean reload?");
    assert_refused("1 x", REQUEST_NO_SUCH_VERB);
    for (unsigned i = 0; i < REQUEST_N_VERBS; i++)
        assert_non_null(strstr(request.why, request_verb_word((enum request_verb)i)));
}

// A word of a form without a reader would be said to be a mistake of the peer's.
static void every_word_of_every_form_is_read(void **state)
{
    char line[128];
    (void)state;
    for (unsigned i = 0; i < REQUEST_N_VERBS; i++) {
        const char *word = request_verb_word((enum request_verb)i);
        const char *form = request_verb_form((enum request_verb)i);
        snprintf(line, sizeof line, "1 %s %s", word, "a a a a a a");
        request_parse(&request, line, strlen(line));
        assert_null(strstr(request.why, "nobody can read"));
        if (*form == '\0') {
            snprintf(line, sizeof line, "more than there should be; write %s", word);
            assert_string_equal(request.why, line);
        }
    }
}

static void a_connector_names_the_game(void **state)
{
    (void)state;
    assert_string_equal(parse("1 connector mush")->game, "mush");
    assert_int_equal(request.verb, REQUEST_CONNECTOR);
    assert_refused("1 connector", REQUEST_BAD_REQUEST);
    assert_refused("1 connector mush resume", REQUEST_BAD_REQUEST);
}

static void a_games_name_has_its_longest(void **state)
{
    char line[128] = "1 held ";
    (void)state;
    memset(line + 7, 'g', 63);
    assert_int_equal(strlen(parse(line)->game), 63);
    line[7 + 63] = 'g';
    assert_refused(line, REQUEST_BAD_REQUEST);
}

static void state_is_bytes_or_nothing(void **state)
{
    (void)state;
    parse("1 state " CONN " 00fFa5");
    assert_int_equal(request.n_pairs, 1);
    assert_memory_equal(request.pair[0].conn, conn, 16);
    assert_int_equal(request.n_state, 3);
    assert_memory_equal(request.state, "\x00\xff\xa5", 3);
    assert_int_equal(parse("1 state " CONN " -")->n_state, 0);
    assert_refused("1 state " CONN, REQUEST_BAD_REQUEST);
    assert_refused("1 state " CONN " 0", REQUEST_BAD_REQUEST);
    assert_refused("1 state " CONN " 0g", REQUEST_BAD_REQUEST);
    assert_refused("1 state " CONN " 00 00", REQUEST_BAD_REQUEST);
    assert_refused("1 state " CONN "00 00", REQUEST_BAD_REQUEST);
    assert_refused("1 state 00 00", REQUEST_BAD_REQUEST);
}

static void the_largest_state_is_4096_bytes(void **state)
{
    static char line[8400] = "1 state " CONN " ";
    size_t n = strlen(line);
    (void)state;
    memset(line + n, 'e', 8192);
    assert_int_equal(parse(line)->n_state, 4096);
    assert_int_equal(request.state[4095], 0xee);
    strcat(line, "ee");
    assert_refused(line, REQUEST_BAD_REQUEST);
}

static void ack_has_any_number_of_pairs(void **state)
{
    (void)state;
    parse("1 ack " CONN " 0");
    assert_int_equal(request.n_pairs, 1);
    assert_int_equal(request.pair[0].offset, 0);
    parse("1 ack " CONN " 17 " OTHER " 18446744073709551615 " CONN " 18");
    assert_int_equal(request.n_pairs, 3);
    assert_memory_equal(request.pair[2].conn, conn, 16);
    assert_int_equal(request.pair[1].conn[0], 0xff);
    assert_int_equal(request.pair[0].offset, 17);
    assert_true(request.pair[1].offset == UINT64_MAX);
    assert_refused("1 ack", REQUEST_BAD_REQUEST);
    assert_refused("1 ack " CONN, REQUEST_BAD_REQUEST);
    assert_refused("1 ack " CONN " 1 " OTHER, REQUEST_BAD_REQUEST);
    assert_refused("1 ack " CONN " 1 2", REQUEST_BAD_REQUEST);
    assert_refused("1 ack " CONN " 18446744073709551616", REQUEST_BAD_REQUEST);
    assert_refused("1 ack " CONN " 99999999999999999999", REQUEST_BAD_REQUEST);
    assert_refused("1 ack " CONN " -1", REQUEST_BAD_REQUEST);
    assert_refused("1 ack " CONN " 0x1", REQUEST_BAD_REQUEST);
}

static void a_line_full_of_pairs_is_taken(void **state)
{
    static char line[REQUEST_LINE_BYTES];
    size_t n = (size_t)sprintf(line, "1 ack");
    unsigned n_pairs = 0;
    (void)state;
    while (n + 35 < sizeof line) {
        n += (size_t)sprintf(line + n, " " CONN " %u", n_pairs % 10);
        n_pairs++;
    }
    assert_true(request_parse(&request, line, n));
    assert_int_equal(request.n_pairs, n_pairs);
    assert_int_equal(request.pair[n_pairs - 1].offset, (n_pairs - 1) % 10);
}

static void close_and_kick_may_have_a_text(void **state)
{
    static const char *const verbs[] = {"close", "kick"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        char line[128];
        snprintf(line, sizeof line, "1 %s " CONN, verbs[i]);
        assert_false(parse(line)->has_text);
        snprintf(line, sizeof line, "1 %s " CONN " ", verbs[i]);
        assert_false(parse(line)->has_text);
        snprintf(line, sizeof line, "1 %s " CONN " Good  bye. \r", verbs[i]);
        assert_true(parse(line)->has_text);
        assert_string_equal(request.text, "Good  bye. ");
        snprintf(line, sizeof line, "1 %s", verbs[i]);
        assert_refused(line, REQUEST_BAD_REQUEST);
        snprintf(line, sizeof line, "1 %s " CONN "0", verbs[i]);
        assert_refused(line, REQUEST_BAD_REQUEST);
    }
}

static void held_reboot_and_shutdown_name_the_game(void **state)
{
    (void)state;
    assert_string_equal(parse("1 held mush")->game, "mush");
    assert_string_equal(parse("1 reboot mush")->game, "mush");
    assert_false(parse("1 shutdown mush hold")->ends);
    assert_true(parse("1 shutdown mush end")->ends);
    assert_refused("1 held", REQUEST_BAD_REQUEST);
    assert_refused("1 held mush mush", REQUEST_BAD_REQUEST);
    assert_refused("1 reboot", REQUEST_BAD_REQUEST);
    assert_refused("1 shutdown mush", REQUEST_BAD_REQUEST);
    assert_refused("1 shutdown mush END", REQUEST_BAD_REQUEST);
    assert_refused("1 shutdown mush end now", REQUEST_BAD_REQUEST);
}

static void status_and_list_need_nothing(void **state)
{
    (void)state;
    assert_int_equal(parse("1 status")->verb, REQUEST_STATUS);
    assert_string_equal(parse("1 list")->game, "");
    assert_string_equal(parse("1 list mush")->game, "mush");
    assert_refused("1 status all", REQUEST_BAD_REQUEST);
    assert_refused("1 list mush chess", REQUEST_BAD_REQUEST);
    assert_refused("1 list *", REQUEST_BAD_REQUEST);
}

static void notice_is_for_one_game_or_for_all(void **state)
{
    (void)state;
    assert_string_equal(parse("1 notice mush Soon.")->game, "mush");
    assert_string_equal(request.text, "Soon.");
    assert_string_equal(parse("1 notice * to all")->game, "*");
    assert_string_equal(request.text, "to all");
    assert_refused("1 notice mush", REQUEST_BAD_REQUEST);
    assert_refused("1 notice mush ", REQUEST_BAD_REQUEST);
    assert_refused("1 notice ** text", REQUEST_BAD_REQUEST);
}

static void a_text_is_printable_utf8(void **state)
{
    static const char *const good[] = {"plain ~",      "Gr\xc3\xbc\xc3\x9f", "\xc2\xa0",
                                       "\xe2\x82\xac", "\xf0\x9f\x90\x89",   "\xf4\x8f\xbf\xbf",
                                       "\"\\"};
    static const char *const bad[] = {
        "\t",
        "a\x1b[2J",
        "\x7f",
        "\xc2\x80",
        "\xc2\x9f",
        "\xff",
        "\xc3",
        "\xc3(",
        "\xc0\xaf",
        "\xe0\x80\xaf",
        "\xed\xa0\x80",
        "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80",
        "\xf8\x88\x80\x80\x80",
        "\xe2\x82",
        "\x80",
    };
    char line[64];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(line, sizeof line, "1 notice * %s", good[i]);
        assert_string_equal(parse(line)->text, good[i]);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        snprintf(line, sizeof line, "1 notice * %s", bad[i]);
        assert_refused(line, REQUEST_BAD_REQUEST);
    }
    assert_refused_bytes("1 notice * a\0b", 14, REQUEST_BAD_REQUEST);
    assert_refused_bytes("1 notice * a\nb", 14, REQUEST_BAD_REQUEST);
}

static void the_longest_text_is_1000_bytes(void **state)
{
    char line[1100] = "1 notice * ";
    (void)state;
    memset(line + 11, 't', 1000);
    assert_int_equal(strlen(parse(line)->text), 1000);
    line[1011] = 't';
    assert_refused(line, REQUEST_BAD_REQUEST);
}

static void an_id_is_1_to_32_plain_characters(void **state)
{
    (void)state;
    assert_string_equal(parse("Az09-_.Az09-_.Az09-_.Az09-_.Az09 status")->id,
                        "Az09-_.Az09-_.Az09-_.Az09-_.Az09");
    assert_refused("Az09-_.Az09-_.Az09-_.Az09-_.Az09x status", REQUEST_BAD_REQUEST);
    assert_string_equal(request.id, "-");
    assert_refused("a/b status", REQUEST_BAD_REQUEST);
    assert_string_equal(request.id, "-");
    assert_refused("", REQUEST_BAD_REQUEST);
    assert_refused(" ", REQUEST_BAD_REQUEST);
    assert_refused("\r", REQUEST_BAD_REQUEST);
    assert_refused_bytes("\0 status", 8, REQUEST_BAD_REQUEST);
    assert_refused("\xc3\xa4 status", REQUEST_BAD_REQUEST);
}

static void a_verb_must_be_one(void **state)
{
    (void)state;
    assert_refused("a7", REQUEST_BAD_REQUEST);
    assert_string_equal(request.id, "a7");
    assert_refused("a7 ", REQUEST_BAD_REQUEST);
    assert_refused("a7 stat", REQUEST_NO_SUCH_VERB);
    assert_refused("a7 statuss", REQUEST_NO_SUCH_VERB);
    assert_refused("a7 STATUS", REQUEST_NO_SUCH_VERB);
    assert_refused("a7\tstatus", REQUEST_BAD_REQUEST);
}

static void a_line_that_is_too_long_keeps_its_id(void **state)
{
    char begin[REQUEST_ID_BYTES + 1];
    (void)state;
    memset(begin, 'x', sizeof begin);
    memcpy(begin, "a7 notice", 9);
    request_too_long(&request, begin, sizeof begin);
    assert_int_equal(request.error, REQUEST_TOO_LONG);
    assert_string_equal(request.id, "a7");
    memset(begin, 'x', sizeof begin);
    request_too_long(&request, begin, sizeof begin);
    assert_string_equal(request.id, "-");
    begin[32] = ' ';
    request_too_long(&request, begin, sizeof begin);
    assert_int_equal(strlen(request.id), 32);
    request_too_long(&request, begin, 5);
    assert_string_equal(request.id, "-");
}

static void a_request_leaves_nothing_for_the_next(void **state)
{
    (void)state;
    parse("1 attach mush resume ack");
    parse("2 shutdown mush end");
    parse("3 state " CONN " 00");
    parse("4 kick " CONN " text");
    parse("5 status");
    assert_false(request.resumes || request.acknowledges || request.ends || request.has_text);
    assert_string_equal(request.game, "");
    assert_string_equal(request.text, "");
    assert_int_equal(request.n_pairs, 0);
    assert_int_equal(request.n_state, 0);
}

// The protocol's document has every verb with its form, and every error.
static void the_document_holds_every_verb_and_error(void **state)
{
    static char text[1 << 16];
    char path[4096], line[256];
    const char *folder = getenv("STAYD_SOURCE");
    (void)state;
    snprintf(path, sizeof path, "%s/doc/PROTOCOL.control", folder ? folder : ".");
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (unsigned i = 0; i < REQUEST_N_VERBS; i++) {
        const char *form = request_verb_form((enum request_verb)i);
        snprintf(line, sizeof line, "\n%s%s%s\n", request_verb_word((enum request_verb)i),
                 *form ? " " : "", form);
        if (!strstr(text, line))
            fail_msg("PROTOCOL.control has no line: %s", line + 1);
    }
    for (unsigned i = REQUEST_GOOD + 1; i <= REQUEST_SHORT; i++) {
        snprintf(line, sizeof line, "\n    %s ", request_error_word((enum request_error)i));
        char alone[256];
        snprintf(alone, sizeof alone, "\n    %s\n", request_error_word((enum request_error)i));
        if (!strstr(text, line) && !strstr(text, alone))
            fail_msg("PROTOCOL.control does not say what %s is", line + 5);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attach_names_the_game_and_what_it_can),
        cmocka_unit_test(an_upgrades_path_is_absolute_and_may_hold_blanks),
        cmocka_unit_test(an_unknown_verb_is_told_the_nearest_or_all),
        cmocka_unit_test(every_word_of_every_form_is_read),
        cmocka_unit_test(a_connector_names_the_game),
        cmocka_unit_test(a_games_name_has_its_longest),
        cmocka_unit_test(state_is_bytes_or_nothing),
        cmocka_unit_test(the_largest_state_is_4096_bytes),
        cmocka_unit_test(ack_has_any_number_of_pairs),
        cmocka_unit_test(a_line_full_of_pairs_is_taken),
        cmocka_unit_test(close_and_kick_may_have_a_text),
        cmocka_unit_test(held_reboot_and_shutdown_name_the_game),
        cmocka_unit_test(status_and_list_need_nothing),
        cmocka_unit_test(notice_is_for_one_game_or_for_all),
        cmocka_unit_test(a_text_is_printable_utf8),
        cmocka_unit_test(the_longest_text_is_1000_bytes),
        cmocka_unit_test(an_id_is_1_to_32_plain_characters),
        cmocka_unit_test(a_verb_must_be_one),
        cmocka_unit_test(a_line_that_is_too_long_keeps_its_id),
        cmocka_unit_test(a_request_leaves_nothing_for_the_next),
        cmocka_unit_test(the_document_holds_every_verb_and_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
