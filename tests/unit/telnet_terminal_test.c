// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet: the state of a player's terminal is followed, and put back when its game dies.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telnet_line.h"

#include <string.h>

static bool is_coloured_after(const char *in, size_t n)
{
    struct line line = game_says();
    line_feed(&line, (const uint8_t *)in, n);
    assert_int_equal(line.game.ansi, TELNET_ANSI_NONE);
    return has(&line.game, TELNET_COLOURED);
}

#define IS_COLOURED(in) is_coloured_after(in, sizeof(in) - 1)

static void colours_are_followed(void **unused)
{
    (void)unused;
    assert_true(IS_COLOURED("\x1b[1m"));
    assert_true(IS_COLOURED("\x1b[0;31m"));
    assert_true(IS_COLOURED("\x1b[10m"));
    assert_true(IS_COLOURED("\x1b[256m"));
    assert_true(IS_COLOURED("\x1b[1m\x1b[2J\x1b[H\x1b[0K"));
    assert_false(IS_COLOURED("\x1b[1m\x1b[m"));
    assert_false(IS_COLOURED("\x1b[1m\x1b[0m"));
    assert_false(IS_COLOURED("\x1b[1m\x1b[00m"));
    assert_false(IS_COLOURED("\x1b[1m\x1b[1;0m"));
    assert_false(IS_COLOURED("\x1b[1m\x1b[1;m"));
    assert_false(IS_COLOURED("\x1b[1m\x1b"
                             "c"));
    assert_false(IS_COLOURED("\x1b[2J\x1b(B\x1b=\x1b#8"));
}

static void a_zero_in_a_colour_of_many_numbers_is_no_reset(void **unused)
{
    (void)unused;
    assert_true(IS_COLOURED("\x1b[38;5;0m"));
    assert_true(IS_COLOURED("\x1b[1;48;2;255;0;0m"));
    assert_true(IS_COLOURED("\x1b[38:5:0m"));
    assert_false(IS_COLOURED("\x1b[38;5;0m\x1b[0m"));
}

static void only_sgr_colours(void **unused)
{
    (void)unused;
    assert_false(IS_COLOURED("\x1b[>4;2m"));
    assert_false(IS_COLOURED("\x1b[?1m"));
    assert_false(IS_COLOURED("\x1b[1 m"));
    assert_true(IS_COLOURED("\x1b[1m\x1b[>4;0m"));
}

static void sequences_can_be_broken_off(void **unused)
{
    (void)unused;
    assert_false(IS_COLOURED("\x1b[1\x18m"));
    assert_false(IS_COLOURED("\x1b[1\x1am"));
    assert_false(IS_COLOURED("\x1b]title\x18\x1b[\xc3\xbc"
                             "1m"));
    assert_true(IS_COLOURED("\x1b[0\x1b[1m"));
    assert_true(IS_COLOURED("\x1b[0;\r\n1m"));          // a control inside is carried out
    assert_true(IS_COLOURED("\x1b[\xff\xf9\xff\xfb\x01" // a command is not seen by a terminal
                            "1m"));
    assert_true(IS_COLOURED("\x1b]0;[1mtitle\x1b[1m"));
    assert_false(
        IS_COLOURED("\x1b]0;\xc3\xbc[1mtitle\x1b\\\x1bPq\x07\x1bX\x1b\\\x1b^\x1b\\\x1b_x\x07"));
}

static void a_sequence_is_no_line(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "red\r\n\x1b[0m\x1b]0;title\x07\x1b(B");
    assert_int_equal(line.game.flags, 0);
}

static void characters_are_followed(void **unused)
{
    (void)unused;
    static const struct {
        const char *bytes;
        uint8_t left;
        uint8_t next;
    } cases[] = {
        {"\xc3", 1, 0x80},
        {"\xc3\xbc", 0, 0},
        {"\xe2", 2, 0x80},
        {"\xe2\x82", 1, 0x80},
        {"\xe0", 2, 0xa0},
        {"\xe0\xa0", 1, 0x80},
        {"\xe0\x9f", 0, 0},
        {"\xed", 2, 0x9f},
        {"\xed\x80", 1, 0x80},
        {"\xed\xa0", 0, 0},
        {"\xf0", 3, 0x90},
        {"\xf0\x8f", 0, 0},
        {"\xf0\x9f\x90", 1, 0x80},
        {"\xf4", 3, 0x8f},
        {"\xf4\x90", 0, 0},
        {"\xf1\x80", 2, 0x80},
        {"\xf5", 0, 0},
        {"\xc1", 0, 0},
        {"\x80", 0, 0},
        {"\xe2\x82\xc3", 1, 0x80},
        {"\xe2\x82x", 0, 0},
        {"\xe2\r\n", 0, 0},
        {"\xe2\x1b", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct line line = game_says();
        line_feed(&line, (const uint8_t *)cases[i].bytes, strlen(cases[i].bytes));
        assert_int_equal(line.game.utf8_left, cases[i].left);
        assert_int_equal(line.game.utf8_next, cases[i].next);
    }
}

static void a_character_is_finished(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "\xe0");
    MENDS(&line, "\xa0\x80\r\n");
    PASSES(&line, "\xf4");
    MENDS(&line, "\x8f\x80\x80\r\n");
    PASSES(&line, "\xc3\xff\xf9");
    MENDS(&line, "\x80\r\n");
    PASSES(&line, "\x1b]0;\xc3");
    MENDS(&line, "\x80\x1b\\");
}

static void a_sequence_is_finished_and_colours_are_reset(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "\x1b");
    MENDS(&line, "[0m");
    PASSES(&line, "\x1b(");
    MENDS(&line, "B");
    PASSES(&line, "\x1b[");
    MENDS(&line, "m");
    PASSES(&line, "\x1b[1;3");
    MENDS(&line, "m\x1b[0m");
    PASSES(&line, "\x1b]0;ti");
    MENDS(&line, "\x1b\\");
    PASSES(&line, "\x1b]0;ti\x1b");
    MENDS(&line, "\\");
    PASSES(&line, "\x1b[1;31mdragon");
    MENDS(&line, "\x1b[0m\r\n");
    PASSES(&line, "\x1b[1;31mdragon\r\n");
    MENDS(&line, "\x1b[0m");
}

#define LEAVES(said, mended)                                                                       \
    do {                                                                                           \
        struct line left = game_says();                                                            \
        PASSES(&left, said);                                                                       \
        MENDS(&left, mended);                                                                      \
        MENDS(&left, "");                                                                          \
    } while (0)

static void a_link_left_open_is_closed(void **unused)
{
    (void)unused;
    LEAVES("\x1b]8;;send:look\x1b\\", "\x1b]8;;\x1b\\");
    LEAVES("\x1b]8;id=1;https://example.org\x07", "\x1b]8;;\x1b\\");
    LEAVES("\x1b]8;;send:look\x1b\\look", "\x1b]8;;\x1b\\\r\n");
    LEAVES("\x1b]8;;send:lo", "\x1b\\\x1b]8;;\x1b\\"); // it has begun now
    LEAVES("\x1b]8;;send:lo\x1b", "\\\x1b]8;;\x1b\\");
    LEAVES("\x1b]8;;s\x1b\\look\x1b]8;;\x1b\\\r\n", "");
    LEAVES("\x1b]8;;s\x07look\x1b]8;id=2;\x07\r\n", "");
    LEAVES("\x1b]8;;send:lo\x18", ""); // broken off
    LEAVES("\x1b]0;8;;title\x07", ""); // others are not links
    LEAVES("\x1b]88;;title\x07", "");
    LEAVES("\x1b]8;;\x07", "");
    LEAVES("\x1bP8;;x\x1b\\\x1b_8;;x\x1b\\", "");
}

static void modes_are_put_back(void **unused)
{
    (void)unused;
    LEAVES("\x1b[?25l", "\x1b[?25h");
    LEAVES("\x1b[?7l", "\x1b[?7h");
    LEAVES("\x1b[?1049h", "\x1b[?1049l");
    LEAVES("\x1b[?1047h", "\x1b[?1047l");
    LEAVES("\x1b[?47h", "\x1b[?47l");
    LEAVES("\x1b[?1h\x1b=", "\x1b[?1l\x1b>");
    LEAVES("\x1b[?5h", "\x1b[?5l");
    LEAVES("\x1b[?9h", "\x1b[?9l");
    LEAVES("\x1b[?1000h", "\x1b[?1000l");
    LEAVES("\x1b[?1002;1006h", "\x1b[?1002l\x1b[?1006l");
    LEAVES("\x1b[?1003h\x1b[?1004h", "\x1b[?1003l\x1b[?1004l");
    LEAVES("\x1b[?1005;1015;1016h", "\x1b[?1005l\x1b[?1015l\x1b[?1016l");
    LEAVES("\x1b[?2004h", "\x1b[?2004l");
    LEAVES("\x1b[?2026h", "\x1b[?2026l");
    LEAVES("\x1b[4h", "\x1b[4l");
    LEAVES("\x1b[2;20h", "\x1b[2l\x1b[20l");
    LEAVES("\x1b[?6h", "\x1b[?6l\x1b[999H");
    LEAVES("\x1b[?25l\x1b[31mred", "\x1b[?25h\x1b[0m\r\n");
}

static void only_what_was_left_is_put_back(void **unused)
{
    (void)unused;
    LEAVES("\x1b[?25l\x1b[?1049;2004h\x1b[?25h\x1b[?1049;2004l", "");
    LEAVES("\x1b[?25h\x1b[?7h\x1b[?1049l\x1b[4l\x1b>", ""); // as it is anyway
    LEAVES("\x1b[25l\x1b[?4h\x1b[>25l\x1b[?25$p\x1b[?1000s\x1b[?1000r", "");
    LEAVES("\x1b[?25\x18l\r\n\x1b[2J\x1b[1;1H\x1b[K\x1b[?12h", "");
    LEAVES("\x1b[?25l\x1b[4h\x1b[2;5r\x1b(0\x0e\x1b[?6h\x1b=\x1b[!p", ""); // soft reset
    LEAVES("\x1b[?1000;2004h\x1b[!p", "\x1b[?1000l\x1b[?2004l"); // which leaves these as they are
    LEAVES("\x1b[?1049;1000h\x1b[?25l\x1b=\x1b(0\x0e\x1b[1;5r\x1b"
           "c",
           "");                              // reset
    LEAVES("\x1b[?65561h\x1b[?131072h", ""); // 25 and 0, if they went round
    LEAVES("\x9b?25l\x9d"
           "8;;x\x9c\x8e\r\n",
           ""); // C1 of eight bits are letters here and there
    LEAVES("\xc4\x9b?25l\r\n", "");
    struct line line = player_says();
    PASSES(&line, "\x1b[?25l\x1b]8;;x\x07\x0e");
    MENDS(&line, ""); // a player's are its own
}

static void a_scrolling_region_is_given_up_and_the_cursor_stays(void **unused)
{
    (void)unused;
    LEAVES("\x1b[5;20r", "\x1b"
                         "7\x1b[r\x1b"
                         "8");
    LEAVES("\x1b[;20r", "\x1b"
                        "7\x1b[r\x1b"
                        "8");
    LEAVES("\x1b[5;20r\x1b[r", "");
    LEAVES("\x1b[5;20r\x1b[0;0r", "");
    LEAVES("\x1b[1;2;3;4;5$r", ""); // DECCARA
}

static void character_sets_are_put_back(void **unused)
{
    (void)unused;
    LEAVES("\x1b(0", "\x1b(B");
    LEAVES("\x1b)0\x0e", "\x0f\x1b)B");
    LEAVES("\x1b*0\x1bn", "\x0f\x1b*B");
    LEAVES("\x1b+A\x1bo", "\x0f\x1b+B");
    LEAVES("\x1b-A", "\x1b)B");
    LEAVES("\x1b$B", "\x1b(B"); // ISO-2022-JP
    LEAVES("\x1b$@%9\x1b(B\r\n", "");
    LEAVES("\x1b(0\x1b(B\x0e\x0f\x1b)B", "");
    LEAVES("\x1b%G\x1b#8\x1b F", "");
    LEAVES("\x1b(", "B");
    LEAVES("a\x0e", "\x0f\r\n");
    LEAVES("\x1b[\x0e"
           "1;1H",
           "\x0f"); // within a sequence, too
    LEAVES("\x1b]0;\x0e\x07", "");
}

static void mxp_is_open_again(void **unused)
{
    (void)unused;
    LEAVES("\x1b[6z", "\x1b[3z\x1b[5z");
    LEAVES("\x1b[7z", "\x1b[3z\x1b[5z");
    LEAVES("\x1b[6z<b>\r\n\x1b[5z", "");
    LEAVES("\x1b[1z", "\x1b[3z\x1b[5z");
    LEAVES("\x1b[1z<b>Inn</b>\r\n", ""); // was for a line
    LEAVES("\x1b[1z\x1b[0z\x1b[0z\x1b[3z", "");
    LEAVES("\xff\xfb\x5b\x1b[6z", "\x1b[3z\x1b[5z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(colours_are_followed),
        cmocka_unit_test(a_zero_in_a_colour_of_many_numbers_is_no_reset),
        cmocka_unit_test(only_sgr_colours),
        cmocka_unit_test(sequences_can_be_broken_off),
        cmocka_unit_test(a_sequence_is_no_line),
        cmocka_unit_test(characters_are_followed),
        cmocka_unit_test(a_character_is_finished),
        cmocka_unit_test(a_sequence_is_finished_and_colours_are_reset),
        cmocka_unit_test(a_link_left_open_is_closed),
        cmocka_unit_test(modes_are_put_back),
        cmocka_unit_test(only_what_was_left_is_put_back),
        cmocka_unit_test(a_scrolling_region_is_given_up_and_the_cursor_stays),
        cmocka_unit_test(character_sets_are_put_back),
        cmocka_unit_test(mxp_is_open_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
