// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet: what a dead game has left unfinished is finished, and its options are withdrawn, once.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telnet/telnet_part.h"
#include "telnet_line.h"

static void there_is_nothing_to_mend_in_peace(void **unused)
{
    (void)unused;
    struct line line = game_says();
    MENDS(&line, "");
    PASSES(&line, "\x1b[1mred\x1b[0m\r\n\xff\xf9");
    MENDS(&line, "");
}

static void what_was_held_back_is_forgotten(void **unused)
{
    (void)unused;
    struct line line = game_says();
    GIVES(&line, "\xff", "");
    MENDS(&line, "");
    GIVES(&line, "\xff\xfb", "");
    MENDS(&line, "");
    GIVES(&line, "\xff\xfa", "");
    MENDS(&line, "");
    GIVES(&line, "\xff\xfa\x56", "");
    MENDS(&line, "");
    GIVES(&line, "\xff\xfa\x56\xff", "");
    MENDS(&line, "");
    PASSES(&line, "hello\r\n");
}

static void a_subnegotiation_is_finished(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "\xff\xfa\xc9 Room.Info {");
    MENDS(&line, "\xff\xf0");
    GIVES(&line, "\xff\xfa\xc9 Room.Info {\xff", "\xff\xfa\xc9 Room.Info {");
    MENDS(&line, "\xff\xf0");
    GIVES(&line, "\xff\xfa\xff", "\xff\xfa");
    MENDS(&line, "\xff\xf0");
}

static void a_line_begun_is_ended(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "Password: ");
    MENDS(&line, "\r\n");
    assert_int_equal(line.game.flags, 0);
    PASSES(&line, "cut\r");
    MENDS(&line, "");
}

// The game offers and asks; the player agrees.
static struct line agreed(void)
{
    struct line line = game_says();
    PASSES(&line, "\xff\xfb\x01\xff\xfd\x1f");
    line_turn(&line);
    PASSES(&line, "\xff\xfd\x01\xff\xfb\x1f");
    line_turn(&line);
    return line;
}

static void options_in_force_are_withdrawn(void **unused)
{
    (void)unused;
    struct line line = agreed();
    MENDS(&line, "\xff\xfc\x01\xff\xfe\x1f");
    assert_int_equal(line.game.will | line.game.does, 0);
    MENDS(&line, "");
}

static void the_answers_to_a_withdrawal_are_swallowed_once(void **unused)
{
    (void)unused;
    struct line line = agreed();
    line_mend(&line);
    line_turn(&line);
    GIVES(&line, "a\xff\xfe\x01z\xff\xfc\x1f!", "az!");
    assert_int_equal(line.player.does | line.player.will, 0);
    PASSES(&line, "\xff\xfe\x01\xff\xfc\x1f");
}

static void other_answers_pass_while_one_is_to_come(void **unused)
{
    (void)unused;
    struct line line = agreed();
    line_mend(&line);
    PASSES(&line, "\xff\xfb\x01"); // the next game offers at once
    line_turn(&line);
    GIVES(&line, "\xff\xfe\x03\xff\xfc\x01\xff\xfe\x01\xff\xfd\x01",
          "\xff\xfe\x03\xff\xfc\x01\xff\xfd\x01");
    assert_int_equal(line.player.does, 1u << 1);
    PASSES(&line, "\xff\xfe\x01");
}

static void answers_are_swallowed_while_all_is_dropped(void **unused)
{
    (void)unused;
    struct line line = agreed();
    line_mend(&line);
    line_turn(&line);
    line.keep = TELNET_DROP_ALL;
    GIVES(&line, "\xff\xfe\x01", "");
    line.keep = TELNET_KEEP;
    PASSES(&line, "\xff\xfe\x01");
    GIVES(&line, "\xff\xfc\x1f", "");
}

static void an_offer_without_an_answer_is_withdrawn_and_none_is_waited_for(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "\xff\xfb\x01\xff\xfd\x18\xff\xfd\x1f");
    line_turn(&line);
    PASSES(&line, "\xff\xfb\x1f");
    MENDS(&line, "\xff\xfc\x01\xff\xfe\x18\xff\xfe\x1f");
    GIVES(&line, "\xff\xfe\x01\xff\xfc\x18\xff\xfc\x1f", "\xff\xfe\x01\xff\xfc\x18");
}

static void a_raw_terminal_is_told_of_echo_only(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "\xff\xfb\x01\xff\xfd\x18\xff\xfd\x1f");
    MENDS(&line, "\xff\xfc\x01");
    PASSES(&line, "\xff\xfd\x18");
    MENDS(&line, "");
}

static void a_refused_offer_brings_no_answer(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "\xff\xfb\x01");
    line_turn(&line);
    PASSES(&line, "\xff\xfe\x01");
    MENDS(&line, "\xff\xfc\x01");
    PASSES(&line, "\xff\xfe\x01");
}

static void one_answer_stays_one_when_the_next_game_dies_before_it(void **unused)
{
    (void)unused;
    struct line line = agreed();
    line_mend(&line);
    PASSES(&line, "\xff\xfb\x01");
    MENDS(&line, "\xff\xfc\x01"); // the DO in force was the first game's
    line_turn(&line);
    GIVES(&line, "\xff\xfe\x01", "");
    PASSES(&line, "\xff\xfe\x01");
}

static void games_may_die_one_after_the_other(void **unused)
{
    (void)unused;
    struct line line = game_says();
    for (int i = 0; i < 5; i++) {
        PASSES(&line, "\xff\xfb\x01\xff\xfd\x1f");
        line_turn(&line);
        PASSES(&line, "\xff\xfd\x01\xff\xfb\x1f");
        MENDS(&line, "\xff\xfc\x01\xff\xfe\x1f");
        GIVES(&line, "\xff\xfe\x01\xff\xfc\x1f", "");
        PASSES(&line, "\xff\xfe\x01\xff\xfc\x1f");
        line_turn(&line);
    }
}

static void everything_is_mended_in_order(void **unused)
{
    (void)unused;
    struct line line = agreed();
    PASSES(&line, "Hu\x1b[1mh \x1b[3\xff\xfa\xc9{");
    MENDS(&line, "\xff\xf0m\x1b[0m\xff\xfc\x01\xff\xfe\x1f\r\n");
}

static void the_most_that_can_be_mended_fits(void **unused)
{
    (void)unused;
    struct line line = game_says();
    for (int option = 0; option < 256; option++) {
        const uint8_t offer[] = {255, 251, (uint8_t)option, 255, 253, (uint8_t)option};
        line.may_compress = true;
        line_feed(&line, offer, sizeof offer);
    }
    PASSES(&line, "\x1b[1m\x1b]\xf0\xff\xfa\xc9{");
    line.player.will = telnet_option_bit(24); // it is no raw terminal
    line_mend(&line);
    assert_int_equal(line.n_out, 2 + 3 + 2 + 4 + 2 * 3 * 63);
    assert_int_equal(line.game.will | line.game.does, 0);
}

static void only_a_compression_begun_cannot_be_mended(void **unused)
{
    (void)unused;
    static const struct {
        uint8_t command, verb, environ;
        bool is_lost;
    } states[] = {
        {TELNET_TEXT, 86, 0, false},     {TELNET_SUB, 86, 0, true},
        {TELNET_SUB_IAC, 86, 0, true},   {TELNET_SUB, 201, 0, false},
        {TELNET_SUB_IAC, 201, 0, false}, {TELNET_SUB, 86, ENVIRON_OTHER, false},
    };
    const struct telnet_state peace = {.flags = 0};
    for (unsigned i = 0; i < sizeof states / sizeof *states; i++) {
        const struct telnet_state state = {
            .command = states[i].command, .verb = states[i].verb, .environ = states[i].environ};
        assert_int_equal(telnet_is_lost(&state, &peace), states[i].is_lost);
        assert_int_equal(telnet_is_lost(&peace, &state), states[i].is_lost);
    }
    const struct telnet_state compressed = {.flags = TELNET_COMPRESSED};
    assert_true(telnet_is_lost(&compressed, &peace));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_nothing_to_mend_in_peace),
        cmocka_unit_test(only_a_compression_begun_cannot_be_mended),
        cmocka_unit_test(what_was_held_back_is_forgotten),
        cmocka_unit_test(a_subnegotiation_is_finished),
        cmocka_unit_test(a_line_begun_is_ended),
        cmocka_unit_test(options_in_force_are_withdrawn),
        cmocka_unit_test(the_answers_to_a_withdrawal_are_swallowed_once),
        cmocka_unit_test(other_answers_pass_while_one_is_to_come),
        cmocka_unit_test(answers_are_swallowed_while_all_is_dropped),
        cmocka_unit_test(an_offer_without_an_answer_is_withdrawn_and_none_is_waited_for),
        cmocka_unit_test(a_raw_terminal_is_told_of_echo_only),
        cmocka_unit_test(a_refused_offer_brings_no_answer),
        cmocka_unit_test(one_answer_stays_one_when_the_next_game_dies_before_it),
        cmocka_unit_test(games_may_die_one_after_the_other),
        cmocka_unit_test(everything_is_mended_in_order),
        cmocka_unit_test(the_most_that_can_be_mended_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
