// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet: what is a command, an option, a line's end; and the quick way, which must do the same.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telnet_line.h"

static void text_passes_whatever_it_is_encoded_in(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "You see a fountain.\r\n");
    PASSES(&line, "Gr\xc3\xbc\xc3\x9f dich, \xf0\x9f\x90\x89!\r\n");
    PASSES(&line, "Gr\xfc\xdf dich, \xe4hm\xf0!\r\n"); // Latin-1
    PASSES(&line, "\x1b[1;31mred\x1b[0m \x1b]0;title\x07 \x07\x00\x7f\r\n");
    line_turn(&line);
    PASSES(&line, "say \xe2\x82\xac\r\n\x1b[A\n");
}

static void commands_pass_when_they_are_whole(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "> \xff\xf9");
    PASSES(&line, "\xff\xef\xff\xf1\xff\xf6\xff\x05\xff\xf0");
    GIVES(&line, "a\xff", "a");
    GIVES(&line, "\xfb", "");
    assert_int_equal(telnet_n_held(&line.game), 2);
    GIVES(&line, "\x01", "\xff\xfb\x01");
    assert_int_equal(telnet_n_held(&line.game), 0);
    GIVES(&line, "\xff\xfe\xff", "\xff\xfe\xff"); // option 255
    GIVES(&line, "\xff\xfa", "");
    GIVES(&line, "\x18", "\xff\xfa\x18");
    GIVES(&line, "\x01\xff", "\x01");
    GIVES(&line, "\xf0", "\xff\xf0");
    assert_int_equal(line.game.command, TELNET_TEXT);
}

static void a_doubled_iac_is_text(void **unused)
{
    (void)unused;
    struct line line = player_says();
    GIVES(&line, "\xff", "");
    assert_false(has(&line.player, TELNET_IN_LINE));
    GIVES(&line, "\xff", "\xff\xff");
    assert_true(has(&line.player, TELNET_IN_LINE));
    PASSES(&line, "\xff\xff\xff\xff\xff\xf1\n");
    assert_false(has(&line.player, TELNET_IN_LINE));
}

static void the_last_word_about_an_option_counts(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "\xff\xfb\x01\xff\xfb\x03\xff\xfd\x18\xff\xfd\xc9\xff\xfb\xfe");
    assert_int_equal(line.game.will, 1u << 1 | 1u << 3);
    assert_true(line.game.does == (UINT64_C(1) << 24 | telnet_option_bit(201)));
    PASSES(&line, "\xff\xfc\x01\xff\xfe\x18\xff\xfc\x03\xff\xfb\x03");
    assert_int_equal(line.game.will, 1u << 3);
    assert_true(line.game.does == telnet_option_bit(201));
    assert_int_equal(line.player.will | line.player.does, 0);
}

static void options_have_bits_of_their_own(void **unused)
{
    (void)unused;
    uint64_t all = 0;
    int n = 0;
    for (int option = 0; option < 256; option++) {
        const uint64_t bit = telnet_option_bit((uint8_t)option);
        assert_int_equal(bit & (bit - 1), 0);
        assert_int_equal(bit & all, 0);
        assert_true(option >= 48 || bit == UINT64_C(1) << option);
        all |= bit;
        n += bit != 0;
    }
    assert_int_equal(n, 48 + 15);
    assert_int_not_equal(telnet_option_bit(86), 0);
    assert_int_equal(telnet_option_bit(255), 0);
}

static void a_subnegotiation_goes_through_as_it_comes(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "\xff\xfa\x18\x00xterm\r\n\x1b[\xff\xff\xc3\xff\xf0");
    assert_int_equal(line.player.flags, 0);
    PASSES(&line, "\xff\xfa\x1f\x00\xff\xff\x00\x18\xff\xf0look\r\n");
    PASSES(&line, "\xff\xfa\xff\xf0look\n");        // of nothing
    PASSES(&line, "\xff\xfa\xff\xff\x01\xff\xf0y"); // of option 255
    assert_true(has(&line.player, TELNET_IN_LINE));
}

static void a_command_inside_a_subnegotiation_ends_it(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "\xff\xfa\x18\x00xt\xff\xfb\x1f");
    assert_int_equal(line.player.command, TELNET_TEXT);
    assert_true(line.player.will == UINT64_C(1) << 31);
    PASSES(&line, "\xff\xfa\x18\x00xt\xff\xf6look\n");
    PASSES(&line, "\xff\xfa\x18\x00xt\xff\xfa\x1f\x00P\x00\x18\xff\xf0");
    assert_int_equal(line.player.command, TELNET_TEXT);
}

static void a_subnegotiation_ends_even_if_the_command_that_ended_it_is_left_out(void **unused)
{
    (void)unused;
    struct line line = game_says();
    GIVES(&line, "\xff\xfa\xc9{\xff\xfb\x56z", "\xff\xfa\xc9{\xff\xf0z");
    GIVES(&line, "\xff\xfa\xc9{\xff\xfa\x56\xff\xf0z", "\xff\xfa\xc9{\xff\xf0z");
    GIVES(&line, "\xff\xfa\xc9{\xff\xfb", "\xff\xfa\xc9{");
    MENDS(&line, "\xff\xf0\r\n");
}

static void a_255_that_was_not_doubled_does_not_end_a_subnegotiation(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "\xff\xfa\x1f\x00\xff\x00\x18"); // 255 columns
    assert_int_equal(line.player.command, TELNET_SUB);
    PASSES(&line, "\xff\xf0");
    assert_int_equal(line.player.flags, 0);
}

static void every_line_end_ends_one_line(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "look\n");
    assert_int_equal(line.player.flags, 0);
    PASSES(&line, "look\r");
    assert_int_equal(line.player.flags, TELNET_AFTER_CR);
    PASSES(&line, "\n");
    assert_int_equal(line.player.flags, 0);
    PASSES(&line, "look\r\0");
    assert_int_equal(line.player.flags, 0);
    PASSES(&line, "\0");
    assert_int_equal(line.player.flags, TELNET_IN_LINE);
    PASSES(&line, "look\rx");
    assert_int_equal(line.player.flags, TELNET_IN_LINE);
    PASSES(&line, "\r\xff\xf1");
    assert_int_equal(line.player.flags, TELNET_AFTER_CR);
    GIVES(&line, "\xff\xfd\x56", ""); // left out: then LF is right behind the CR for the game
    PASSES(&line, "\0\r\xff\xff");
    assert_int_equal(line.player.flags, TELNET_IN_LINE);
}

static void telnet_commands_begin_no_line(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "\xff\xfb\x1f\xff\xfa\x1f\x00P\x00\x18\xff\xf0\xff\xf1");
    assert_int_equal(line.player.flags, 0);
}

static void a_players_arrow_key_is_text(void **unused)
{
    (void)unused;
    struct line line = player_says();
    PASSES(&line, "\x1b[");
    assert_int_equal(line.player.flags, TELNET_IN_LINE);
    assert_int_equal(line.player.ansi, TELNET_ANSI_NONE);
}

static void states_that_cannot_be_are_told(void **unused)
{
    (void)unused;
    static const struct telnet_state broken[] = {
        {.command = TELNET_N_COMMANDS},
        {.command = TELNET_VERB, .verb = 0},
        {.command = TELNET_VERB, .verb = 250},
        {.command = TELNET_TEXT, .verb = 251},
        {.ansi = TELNET_N_ANSI},
        {.utf8_left = 4, .utf8_next = 0x80},
        {.utf8_left = 1},
        {.utf8_next = 0x80},
        {.utf8_left = 1, .utf8_next = 0xa0},
        {.utf8_left = 1, .utf8_next = 0x80, .ansi = TELNET_ANSI_CSI},
        {.flags = TELNET_SUB_OPEN},
        {.flags = TELNET_IN_LINE | TELNET_AFTER_CR},
        {.flags = TELNET_DROPPING},
        {.flags = TELNET_CSI_OTHER},
        {.flags = TELNET_COMPRESSED, .command = TELNET_SUB},
        {.parameter = 1},
        {.reserved = {1}},
        {.environ = 3},
        {.environ = 9, .command = TELNET_SUB, .verb = 39},
        {.environ = 3, .command = TELNET_SUB, .verb = 24},
        {.environ = 32, .command = TELNET_VERB, .verb = 251},
        {.environ_turn = 2},
        {.will = UINT64_C(1) << 63},
    };
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++)
        assert_false(telnet_is_valid(&broken[i]));
    assert_true(telnet_is_valid(&(struct telnet_state){0}));
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

// line_feed_at_once compares the two ways.
static void what_passes_the_quick_way_passes_the_slow_way_alike(void **unused)
{
    (void)unused;
    static const uint8_t bytes[] =
        "\r\n\0\x1b[m0;1\xc3\xbc\xe2\xf0\x90 abc\x07]\\c\x0e\x0f(6z?hl8r\xff\xff\xf1";
    uint32_t seed = 4202;
    for (int i = 0; i < 50000; i++) {
        struct line line = {.is_player = i & 1};
        for (int j = 0; j < 3; j++) {
            uint8_t in[40];
            const size_t n = next_random(&seed) % sizeof in;
            const uint32_t n_kinds = i & 2 ? 3 : i & 4 ? sizeof bytes - 4 : sizeof bytes - 1;
            for (size_t k = 0; k < n; k++)
                in[k] = next_random(&seed) % 4 ? 'x' : bytes[next_random(&seed) % n_kinds];
            line_feed_at_once(&line, in, n, false);
        }
    }
}

static void plain_text_passes_the_quick_way(void **unused)
{
    (void)unused;
    struct telnet_state state = {0};
    struct telnet_rules rules = {0};
    const uint8_t text[] = "\x1b[1mGr\xc3\xbc\xc3\x9f\x1b[0m\r\n";
    assert_true(telnet_pass(&state, &rules, text, sizeof text - 1));
    assert_false(telnet_pass(&state, &rules, (const uint8_t *)"a\xff", 2));
    rules.keep = TELNET_DROP_ALL;
    assert_false(telnet_pass(&state, &rules, text, sizeof text - 1));
    assert_memory_equal(&state, &(struct telnet_state){0}, sizeof state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_passes_whatever_it_is_encoded_in),
        cmocka_unit_test(commands_pass_when_they_are_whole),
        cmocka_unit_test(a_doubled_iac_is_text),
        cmocka_unit_test(the_last_word_about_an_option_counts),
        cmocka_unit_test(options_have_bits_of_their_own),
        cmocka_unit_test(a_subnegotiation_goes_through_as_it_comes),
        cmocka_unit_test(a_command_inside_a_subnegotiation_ends_it),
        cmocka_unit_test(a_subnegotiation_ends_even_if_the_command_that_ended_it_is_left_out),
        cmocka_unit_test(a_255_that_was_not_doubled_does_not_end_a_subnegotiation),
        cmocka_unit_test(every_line_end_ends_one_line),
        cmocka_unit_test(telnet_commands_begin_no_line),
        cmocka_unit_test(a_players_arrow_key_is_text),
        cmocka_unit_test(states_that_cannot_be_are_told),
        cmocka_unit_test(what_passes_the_quick_way_passes_the_slow_way_alike),
        cmocka_unit_test(plain_text_passes_the_quick_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
