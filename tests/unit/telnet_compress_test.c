// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet: MCCP is refused unless it may be agreed on, and passes then; where it begins.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telnet_line.h"

static void mccp_is_taken_out_of_both_directions(void **unused)
{
    (void)unused;
    struct line line = game_says();
    GIVES(&line, "a\xff\xfb\x55\xff\xfb\x56\xff\xfb\x57\xff\xfc\x56\xff\xfb\xc9z",
          "a\xff\xfb\xc9z");
    assert_true(line.game.will == telnet_option_bit(201));
    GIVES(&line, "a\xff\xfa\x56\xff\xf0z", "az");
    GIVES(&line, "a\xff\xfa\x55\xfb\xf0z", "az");
    GIVES(&line, "a\xff\xfa\x56junk\xff\xff\xff\x01\xff\xf0z", "az");
    GIVES(&line, "\xff\xfa\x56junk\xff\xfb\x01z", "\xff\xfb\x01z");
    assert_false(telnet_is_lost(&line.game, &line.player));
    line_turn(&line);
    GIVES(&line, "a\xff\xfd\x56\xff\xfe\x55\xff\xfa\x57\xff\xf0z", "az");
    assert_int_equal(line.player.does, 0);
    assert_false(telnet_is_lost(&line.game, &line.player));
}

static void mccp_passes_when_it_may_and_then_everything_does(void **unused)
{
    (void)unused;
    struct line line = game_says();
    line.may_compress = true;
    PASSES(&line, "\xff\xfb\x56");
    assert_true(line.game.will == telnet_option_bit(86));
    assert_false(telnet_is_lost(&line.game, &line.player));
    PASSES(&line, "ab\x1b[1mc\xff\xfa\x56\xff\xf0\xff\x00\xff\xfb\x1b\xff\xfa");
    assert_int_equal(line.game.flags, TELNET_COMPRESSED);
    assert_true(telnet_is_lost(&line.game, &line.player));
    PASSES(&line, "\xff");
    line_turn(&line);
    PASSES(&line, "\xff\xfa\x56\xff\xf0look"); // the player does not begin MCCP2
    assert_false(has(&line.player, TELNET_COMPRESSED));
    PASSES(&line, "\xff\xfa\x57\xff\xf0\xff\xff\xff");
    assert_true(has(&line.player, TELNET_COMPRESSED));
}

static void mccpx_begins_where_either_side_says_so(void **unused)
{
    (void)unused;
    struct line line = game_says();
    GIVES(&line, "a\xff\xfb\x58\xff\xfd\x58\xff\xfa\x58\x02zstd\xff\xf0z", "az"); // refused
    assert_int_equal(line.game.will | line.game.does, 0);
    line.may_compress = true;
    PASSES(&line, "\xff\xfb\x58\xff\xfd\x58\xff\xfa\x58\x01zstd,deflate\xff\xf0"); // what it takes
    assert_false(telnet_is_lost(&line.game, &line.player));
    PASSES(&line, "\xff\xfa\x58");
    assert_true(telnet_is_lost(&line.game, &line.player));
    PASSES(&line, "\x03 none of them \xff\xf0hello\r\n");
    assert_int_equal(line.game.flags, 0);
    line_turn(&line);
    PASSES(&line, "\xff\xfa\x58\x02zstd");
    assert_true(telnet_is_lost(&line.game, &line.player));
    PASSES(&line, "\xff\xf0\xff\x00\xff\xfb");
    assert_int_equal(line.player.flags, TELNET_COMPRESSED);
    line_turn(&line);
    PASSES(&line, "\xff\xfa\x58\x02zstd\xff\xf0\xff\x00\xff");
    assert_int_equal(line.game.flags, TELNET_COMPRESSED);
}

static size_t refuse(struct line *line)
{
    assert_true(telnet_refusal_is_due(&line->game, &line->player));
    line->n_out = telnet_refuse(&line->game, &line->player, line->out);
    assert_true(line->n_out <= TELNET_REFUSAL_BYTES);
    assert_false(telnet_refusal_is_due(&line->game, &line->player));
    assert_true(telnet_is_valid(&line->game));
    return line->n_out;
}

static void who_asks_for_mccp_is_told_no_once(void **unused)
{
    (void)unused;
    static const uint8_t options[] = {85, 86, 87, 88};
    for (size_t i = 0; i < sizeof options; i++) {
        struct line line = player_says();
        const uint8_t asks[] = {255, 253, options[i], 255, 251, options[i]};
        const uint8_t answers[] = {255, 254, options[i], 255, 252, options[i]};
        const uint8_t refusals[] = {255, 254, options[i], 255, 252, options[i]};
        line_feed(&line, asks, sizeof asks);
        assert_int_equal(line.n_out, 0);
        assert_int_equal(refuse(&line), sizeof refusals);
        assert_memory_equal(line.out, refusals, sizeof refusals);
        line_feed(&line, asks, sizeof asks); // again, without having taken it back
        assert_false(telnet_refusal_is_due(&line.game, &line.player));
        line_feed(&line, answers, sizeof answers); // an answer is not answered
        assert_int_equal(refuse(&line), 0);
        line_feed(&line, asks, sizeof asks);
        assert_int_equal(refuse(&line), sizeof refusals);
    }
}

static void a_refusal_comes_between_the_games_commands(void **unused)
{
    (void)unused;
    struct line line = player_says();
    GIVES(&line, "\xff\xfd\x56look\n", "look\n");
    line_turn(&line);
    PASSES(&line, "\xff\xfa\xc9{");
    assert_false(telnet_refusal_is_due(&line.game, &line.player));
    GIVES(&line, "}\xff\xf0\xff", "}\xff\xf0");
    assert_false(telnet_refusal_is_due(&line.game, &line.player));
    FEED(&line, "\xf9");
    assert_int_equal(refuse(&line), 3);
    assert_memory_equal(line.out, "\xff\xfc\x56", 3);
    // Where it may be agreed on, the game answers.
    line = player_says();
    line.may_compress = true;
    PASSES(&line, "\xff\xfd\x56\xff\xfb\x58");
    assert_false(telnet_refusal_is_due(&line.game, &line.player));
}

static void mccp1_begins_without_an_iac(void **unused)
{
    (void)unused;
    struct line line = game_says();
    line.may_compress = true;
    PASSES(&line, "\xff\xfa\x55\xfb\xf0\xff\xff\xff");
    assert_true(has(&line.game, TELNET_COMPRESSED));
}

static void a_compression_about_to_begin_is_lost_already(void **unused)
{
    (void)unused;
    struct line line = game_says();
    line.may_compress = true;
    PASSES(&line, "\xff\xfa\x56");
    assert_true(telnet_is_lost(&line.game, &line.player));
}

static void compressed_bytes_can_be_dropped(void **unused)
{
    (void)unused;
    struct line line = player_says();
    line.may_compress = true;
    line.keep = TELNET_DROP_ALL;
    GIVES(&line, "\xff\xfa\x57\xff\xf0\xff\xff", "");
    GIVES(&line, "\xff\xff", "");
    assert_true(has(&line.player, TELNET_COMPRESSED));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mccp_is_taken_out_of_both_directions),
        cmocka_unit_test(mccp_passes_when_it_may_and_then_everything_does),
        cmocka_unit_test(mccpx_begins_where_either_side_says_so),
        cmocka_unit_test(who_asks_for_mccp_is_told_no_once),
        cmocka_unit_test(a_refusal_comes_between_the_games_commands),
        cmocka_unit_test(mccp1_begins_without_an_iac),
        cmocka_unit_test(a_compression_about_to_begin_is_lost_already),
        cmocka_unit_test(compressed_bytes_can_be_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
