// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet: what a player has typed for a game that is dead is dropped, and followed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telnet_line.h"

static void all_is_dropped_and_followed(void **unused)
{
    (void)unused;
    struct line line = player_says();
    line.keep = TELNET_DROP_ALL;
    GIVES(&line, "look\r\n\xff\xfb\x1f\xff\xfa\x1f\x00P\x00\x18\xff\xf0\xff\xff\xff\xf1sa", "");
    assert_true(line.player.will == UINT64_C(1) << 31);
    assert_int_equal(line.player.flags, TELNET_IN_LINE);
}

static void a_subnegotiation_is_not_cut_by_a_change_of_rules(void **unused)
{
    (void)unused;
    struct line line = player_says();
    line.keep = TELNET_DROP_ALL;
    GIVES(&line, "\xff\xfa\x18\x00xt", "");
    line.keep = TELNET_KEEP;
    GIVES(&line, "erm\xff\xf0look\n", "look\n");
    PASSES(&line, "\xff\xfa\x18\x00xt");
    line.keep = TELNET_DROP_ALL;
    GIVES(&line, "er", "");
    line.keep = TELNET_KEEP;
    GIVES(&line, "m\xff\xf0look\n", "look\n");
    line.keep = TELNET_DROP_ALL;
    GIVES(&line, "\xff\xfa\xff", "");
    line.keep = TELNET_KEEP;
    GIVES(&line, "\xf0look\n", "look\n");
}

static void the_rest_of_a_line_begun_is_dropped(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "say hel");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, "lo\r\nlook\r\nnor", "look\r\nnor");
    assert_int_equal(line.keep, TELNET_KEEP);
    PASSES(&line, "th\r\n");
}

static void nothing_begun_is_nothing_dropped(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "look\r\n");
    line.keep = TELNET_DROP_LINE;
    PASSES(&line, "\nlook\r\nnor");
}

static void a_line_is_dropped_over_many_inputs(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "say");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, " a long", "");
    assert_true(telnet_is_dropping(&line.player));
    GIVES(&line, " \xff\xff word", "");
    GIVES(&line, "\nnor", "nor");
    assert_false(telnet_is_dropping(&line.player));
    PASSES(&line, "th\n");
}

static void the_lf_behind_a_dropped_cr_is_no_empty_line(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "say");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, "\r", "");
    struct line bare = line;
    struct line nul = line;
    GIVES(&line, "\nlook\r\n", "look\r\n");
    PASSES(&bare, "look\r");
    assert_int_equal(bare.keep, TELNET_KEEP);
    GIVES(&nul, "\0look\r\0", "look\r\0");
    struct line late = player_says();
    PASSES(&late, "say\r"); // what the dead game had
    late.keep = TELNET_DROP_LINE;
    GIVES(&late, "\nlook\n", "look\n");
}

static void only_one_line_end_is_dropped(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "say");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, "\r\r\n", "\r\n");
    PASSES(&line, "say");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, "\r\xff\xfb\x1f\n\n", "\xff\xfb\x1f\n");
}

static void commands_within_a_dropped_line_answer_the_new_game(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "loo");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, "k\xff\xfb\x1f\xff\xfa\x1f\x00P", "\xff\xfb\x1f\xff\xfa\x1f\x00P");
    GIVES(&line, "\x00\x18\xff\xf0 x\nlook\n", "\x00\x18\xff\xf0look\n");
}

static void the_rest_of_a_subnegotiation_begun_is_dropped(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "\xff\xfa\x18\x00xt");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, "erm\xff\xf0look\n", "look\n");
    PASSES(&line, "say\xff\xfa\x18\x00xt");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, "erm", "");
    GIVES(&line, "\xff", "");
    GIVES(&line, "\xf0hi\nlook\n", "look\n");
}

static void what_was_held_back_reaches_the_new_game(void **unused)
{
    (void)unused;
    struct line line = player_says();
    GIVES(&line, "\xff\xfb", "");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, "\x1flook\n", "\xff\xfb\x1flook\n");
}

static void a_drop_left_half_way_begins_anew(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "say");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, " a", "");
    line.keep = TELNET_DROP_ALL; // that game is dead too
    GIVES(&line, "b\nlo", "");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, "ok\nnorth\n", "north\n");
    PASSES(&line, "say");
    line.keep = TELNET_DROP_LINE;
    GIVES(&line, " a", "");
    line.keep = TELNET_KEEP;
    PASSES(&line, "b\n");
    assert_int_equal(line.player.flags, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_dropped_and_followed),
        cmocka_unit_test(a_subnegotiation_is_not_cut_by_a_change_of_rules),
        cmocka_unit_test(the_rest_of_a_line_begun_is_dropped),
        cmocka_unit_test(nothing_begun_is_nothing_dropped),
        cmocka_unit_test(a_line_is_dropped_over_many_inputs),
        cmocka_unit_test(the_lf_behind_a_dropped_cr_is_no_empty_line),
        cmocka_unit_test(only_one_line_end_is_dropped),
        cmocka_unit_test(commands_within_a_dropped_line_answer_the_new_game),
        cmocka_unit_test(the_rest_of_a_subnegotiation_begun_is_dropped),
        cmocka_unit_test(what_was_held_back_reaches_the_new_game),
        cmocka_unit_test(a_drop_left_half_way_begins_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
