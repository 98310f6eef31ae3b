// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet, byte-exact. Whatever is fed is fed whole, cut in two at every place, and byte by byte,
// each time in place too: the output and the state must be the same.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telnet/telnet.h"

#include <stdlib.h>
#include <string.h>

// Two sides and what comes out of the side that speaks.
struct line {
    struct telnet_state game;
    struct telnet_state player;
    bool is_player; // who speaks
    bool may_compress;
    enum telnet_keep keep;
    uint8_t out[2048];
    size_t n_out;
};

static struct telnet_state *speaker(struct line *line)
{
    return line->is_player ? &line->player : &line->game;
}

static struct telnet_rules rules_of(const struct line *line)
{
    return (struct telnet_rules){
        .is_player = line->is_player,
        .may_compress = line->may_compress,
        .keep = line->keep,
        .other = line->is_player ? &line->game : &line->player,
    };
}

// One input, as the relay takes it: what is held back may be written in front of it.
static void take(struct line *line, const uint8_t *in, size_t n, bool is_in_place)
{
    struct telnet_state *state = speaker(line);
    const struct telnet_rules rules = rules_of(line);
    const size_t n_held = telnet_n_held(state);
    uint8_t *room = malloc(n_held + n + 1);
    uint8_t *out = malloc(n_held + n + 1);
    uint8_t *place = is_in_place ? room : out;
    assert_true(n_held <= TELNET_HELD_BYTES);
    memcpy(room + n_held, in, n);
    struct telnet_state passed = *state;
    const bool is_passed = telnet_pass(&passed, &rules, in, n);
    const size_t n_out = telnet_filter(state, &rules, room + n_held, n, place);
    assert_true(n_out + telnet_n_held(state) <= n + n_held);
    if (is_passed) {
        assert_int_equal(n_out, n);
        assert_memory_equal(place, in, n);
        assert_memory_equal(&passed, state, sizeof passed);
    }
    assert_true(telnet_is_valid(state));
    memcpy(line->out + line->n_out, place, n_out);
    line->n_out += n_out;
    if (line->keep == TELNET_DROP_LINE && !telnet_is_dropping(state))
        line->keep = TELNET_KEEP;
    free(room);
    free(out);
}

static void feed_at_once(struct line *line, const uint8_t *in, size_t n, bool is_in_place)
{
    line->n_out = 0;
    take(line, in, n, is_in_place);
}

static void assert_same(const struct line *line, const struct line *other)
{
    assert_int_equal(line->n_out, other->n_out);
    assert_memory_equal(line->out, other->out, line->n_out);
    assert_memory_equal(&line->game, &other->game, sizeof line->game);
    assert_memory_equal(&line->player, &other->player, sizeof line->player);
}

static void feed(struct line *line, const uint8_t *in, size_t n)
{
    const struct line start = *line;
    feed_at_once(line, in, n, false);
    for (size_t cut = 0; cut <= n; cut++) {
        struct line cut_line = start;
        cut_line.n_out = 0;
        take(&cut_line, in, cut, cut & 1);
        take(&cut_line, in + cut, n - cut, true);
        assert_same(line, &cut_line);
    }
    struct line slow = start;
    slow.n_out = 0;
    for (size_t i = 0; i < n; i++)
        take(&slow, in + i, 1, true);
    assert_same(line, &slow);
}

static void assert_out(const struct line *line, const char *wanted, size_t n)
{
    assert_int_equal(line->n_out, n);
    assert_memory_equal(line->out, wanted, n);
}

#define FEED(line, in) feed(line, (const uint8_t *)(in), sizeof(in) - 1)
// What comes out.
#define GIVES(line, in, wanted)                                                                    \
    do {                                                                                           \
        FEED(line, in);                                                                            \
        assert_out(line, wanted, sizeof(wanted) - 1);                                              \
    } while (0)
#define PASSES(line, in) GIVES(line, in, in)

static struct line game_says(void)
{
    return (struct line){.is_player = false};
}

static struct line player_says(void)
{
    return (struct line){.is_player = true};
}

// The side that speaks changes.
static void turn(struct line *line)
{
    line->is_player = !line->is_player;
}

static void mend(struct line *line)
{
    line->n_out = telnet_mend(&line->game, &line->player, line->out);
    assert_true(line->n_out <= TELNET_MEND_BYTES);
    assert_true(telnet_is_valid(&line->game));
    line->keep = TELNET_KEEP;
}

#define MENDS(line, wanted)                                                                        \
    do {                                                                                           \
        mend(line);                                                                                \
        assert_out(line, wanted, sizeof(wanted) - 1);                                              \
    } while (0)

static bool has(const struct telnet_state *state, unsigned flags)
{
    return (state->flags & flags) != 0;
}

static void text_passes_whatever_it_is_encoded_in(void **unused)
{
    (void)unused;
    struct line line = game_says();
    PASSES(&line, "You see a fountain.\r\n");
    PASSES(&line, "Gr\xc3\xbc\xc3\x9f dich, \xf0\x9f\x90\x89!\r\n");
    PASSES(&line, "Gr\xfc\xdf dich, \xe4hm\xf0!\r\n"); // Latin-1
    PASSES(&line, "\x1b[1;31mred\x1b[0m \x1b]0;title\x07 \x07\x00\x7f\r\n");
    turn(&line);
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
    turn(&line);
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
    turn(&line);
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
    turn(&line);
    PASSES(&line, "\xff\xfa\x58\x02zstd");
    assert_true(telnet_is_lost(&line.game, &line.player));
    PASSES(&line, "\xff\xf0\xff\x00\xff\xfb");
    assert_int_equal(line.player.flags, TELNET_COMPRESSED);
    turn(&line);
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
        feed(&line, asks, sizeof asks);
        assert_int_equal(line.n_out, 0);
        assert_int_equal(refuse(&line), sizeof refusals);
        assert_memory_equal(line.out, refusals, sizeof refusals);
        feed(&line, asks, sizeof asks); // again, without having taken it back
        assert_false(telnet_refusal_is_due(&line.game, &line.player));
        feed(&line, answers, sizeof answers); // an answer is not answered
        assert_int_equal(refuse(&line), 0);
        feed(&line, asks, sizeof asks);
        assert_int_equal(refuse(&line), sizeof refusals);
    }
}

static void a_refusal_comes_between_the_games_commands(void **unused)
{
    (void)unused;
    struct line line = player_says();
    GIVES(&line, "\xff\xfd\x56look\n", "look\n");
    turn(&line);
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

static bool is_coloured_after(const char *in, size_t n)
{
    struct line line = game_says();
    feed(&line, (const uint8_t *)in, n);
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
        feed(&line, (const uint8_t *)cases[i].bytes, strlen(cases[i].bytes));
        assert_int_equal(line.game.utf8_left, cases[i].left);
        assert_int_equal(line.game.utf8_next, cases[i].next);
    }
}

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
    turn(&line);
    PASSES(&line, "\xff\xfd\x01\xff\xfb\x1f");
    turn(&line);
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
    mend(&line);
    turn(&line);
    GIVES(&line, "a\xff\xfe\x01z\xff\xfc\x1f!", "az!");
    assert_int_equal(line.player.does | line.player.will, 0);
    PASSES(&line, "\xff\xfe\x01\xff\xfc\x1f");
}

static void other_answers_pass_while_one_is_to_come(void **unused)
{
    (void)unused;
    struct line line = agreed();
    mend(&line);
    PASSES(&line, "\xff\xfb\x01"); // the next game offers at once
    turn(&line);
    GIVES(&line, "\xff\xfe\x03\xff\xfc\x01\xff\xfe\x01\xff\xfd\x01",
          "\xff\xfe\x03\xff\xfc\x01\xff\xfd\x01");
    assert_int_equal(line.player.does, 1u << 1);
    PASSES(&line, "\xff\xfe\x01");
}

static void answers_are_swallowed_while_all_is_dropped(void **unused)
{
    (void)unused;
    struct line line = agreed();
    mend(&line);
    turn(&line);
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
    turn(&line);
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
    turn(&line);
    PASSES(&line, "\xff\xfe\x01");
    MENDS(&line, "\xff\xfc\x01");
    PASSES(&line, "\xff\xfe\x01");
}

static void one_answer_stays_one_when_the_next_game_dies_before_it(void **unused)
{
    (void)unused;
    struct line line = agreed();
    mend(&line);
    PASSES(&line, "\xff\xfb\x01");
    MENDS(&line, "\xff\xfc\x01"); // the DO in force was the first game's
    turn(&line);
    GIVES(&line, "\xff\xfe\x01", "");
    PASSES(&line, "\xff\xfe\x01");
}

static void games_may_die_one_after_the_other(void **unused)
{
    (void)unused;
    struct line line = game_says();
    for (int i = 0; i < 5; i++) {
        PASSES(&line, "\xff\xfb\x01\xff\xfd\x1f");
        turn(&line);
        PASSES(&line, "\xff\xfd\x01\xff\xfb\x1f");
        MENDS(&line, "\xff\xfc\x01\xff\xfe\x1f");
        GIVES(&line, "\xff\xfe\x01\xff\xfc\x1f", "");
        PASSES(&line, "\xff\xfe\x01\xff\xfc\x1f");
        turn(&line);
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
        feed(&line, offer, sizeof offer);
    }
    PASSES(&line, "\x1b[1m\x1b]\xf0\xff\xfa\xc9{");
    line.player.will = telnet_option_bit(24); // it is no raw terminal
    mend(&line);
    assert_int_equal(line.n_out, 2 + 3 + 2 + 4 + 2 * 3 * 63);
    assert_int_equal(line.game.will | line.game.does, 0);
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

// `take` compares the two ways.
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
            feed_at_once(&line, in, n, false);
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
        cmocka_unit_test(mccp_is_taken_out_of_both_directions),
        cmocka_unit_test(mccp_passes_when_it_may_and_then_everything_does),
        cmocka_unit_test(mccpx_begins_where_either_side_says_so),
        cmocka_unit_test(who_asks_for_mccp_is_told_no_once),
        cmocka_unit_test(a_refusal_comes_between_the_games_commands),
        cmocka_unit_test(mccp1_begins_without_an_iac),
        cmocka_unit_test(a_compression_about_to_begin_is_lost_already),
        cmocka_unit_test(compressed_bytes_can_be_dropped),
        cmocka_unit_test(every_line_end_ends_one_line),
        cmocka_unit_test(telnet_commands_begin_no_line),
        cmocka_unit_test(a_players_arrow_key_is_text),
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
        cmocka_unit_test(colours_are_followed),
        cmocka_unit_test(a_zero_in_a_colour_of_many_numbers_is_no_reset),
        cmocka_unit_test(only_sgr_colours),
        cmocka_unit_test(sequences_can_be_broken_off),
        cmocka_unit_test(a_sequence_is_no_line),
        cmocka_unit_test(characters_are_followed),
        cmocka_unit_test(there_is_nothing_to_mend_in_peace),
        cmocka_unit_test(what_was_held_back_is_forgotten),
        cmocka_unit_test(a_subnegotiation_is_finished),
        cmocka_unit_test(a_character_is_finished),
        cmocka_unit_test(a_sequence_is_finished_and_colours_are_reset),
        cmocka_unit_test(a_link_left_open_is_closed),
        cmocka_unit_test(modes_are_put_back),
        cmocka_unit_test(only_what_was_left_is_put_back),
        cmocka_unit_test(a_scrolling_region_is_given_up_and_the_cursor_stays),
        cmocka_unit_test(character_sets_are_put_back),
        cmocka_unit_test(mxp_is_open_again),
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
        cmocka_unit_test(states_that_cannot_be_are_told),
        cmocka_unit_test(what_passes_the_quick_way_passes_the_slow_way_alike),
        cmocka_unit_test(plain_text_passes_the_quick_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
