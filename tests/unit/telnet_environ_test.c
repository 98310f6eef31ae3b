// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where a player is, told by NEW-ENVIRON and FORWARDED: byte-exact, fed whole, cut in two at every
// place, and byte by byte. What tricks a player may try: tests/fuzz/telnet_fuzz.c has more.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telnet/telnet.h"

#include <string.h>

#define ADDRESS "2001:db8::7"
#define WILL "\xff\xfb\x27"
#define WONT "\xff\xfc\x27"
#define DO "\xff\xfd\x27"
#define DONT "\xff\xfe\x27"
#define SEND "\xff\xfa\x27\x01\xff\xf0"
#define SEND_NAMES "\xff\xfa\x27\x01\0CHARSET\0IPADDRESS\x03\xff\xf0"
#define IS "\xff\xfa\x27\0"
#define INFO "\xff\xfa\x27\x02"
#define SE "\xff\xf0"
#define TOLD IS "\0IPADDRESS\x01" ADDRESS SE

struct line {
    struct telnet_state game;
    struct telnet_state player;
    bool is_open; // without the rules
    bool is_forwarded;
    uint8_t out[1024];
    size_t n_out;
};

static void take(struct line *line, bool is_player, const char *in, size_t n)
{
    struct telnet_state *state = is_player ? &line->player : &line->game;
    const struct telnet_rules rules = {
        .is_player = is_player,
        .is_mnes = !line->is_open,
        .is_forwarded = line->is_forwarded,
        .other = is_player ? &line->game : NULL,
    };
    const size_t n_held = telnet_n_held(state);
    const size_t n_out =
        telnet_filter(state, &rules, (const uint8_t *)in, n, line->out + line->n_out);
    assert_true(n_out + telnet_n_held(state) <= n + n_held);
    assert_true(telnet_is_valid(state));
    line->n_out += n_out;
}

static void assert_same(const struct line *line, const struct line *other)
{
    assert_memory_equal(&line->game, &other->game, sizeof line->game);
    assert_memory_equal(&line->player, &other->player, sizeof line->player);
    assert_int_equal(line->n_out, other->n_out);
    assert_memory_equal(line->out, other->out, line->n_out);
}

static void feed(struct line *line, bool is_player, const char *in, size_t n, const char *wanted,
                 size_t n_wanted)
{
    line->n_out = 0;
    const struct line before = *line;
    take(line, is_player, in, n);
    assert_int_equal(line->n_out, n_wanted);
    assert_memory_equal(line->out, wanted, n_wanted);
    for (size_t cut = 1; cut < n; cut++) {
        struct line other = before;
        take(&other, is_player, in, cut);
        take(&other, is_player, in + cut, n - cut);
        assert_same(line, &other);
    }
    struct line bytes = before;
    for (size_t i = 0; i < n; i++)
        take(&bytes, is_player, in + i, 1);
    assert_same(line, &bytes);
}

#define GAME(line, in) feed(line, false, in, sizeof(in) - 1, in, sizeof(in) - 1)
#define PLAYER(line, in, wanted) feed(line, true, in, sizeof(in) - 1, wanted, sizeof(wanted) - 1)

static void assert_said(struct line *line, const char *wanted, size_t n_wanted)
{
    uint8_t out[TELNET_ENVIRON_BYTES];
    size_t n = 0;
    if (telnet_environ_is_due(&line->game, &line->player))
        n = telnet_environ_say(&line->game, &line->player, ADDRESS, out);
    assert_int_equal(n, n_wanted);
    assert_memory_equal(out, wanted, n);
    assert_false(telnet_environ_is_due(&line->game, &line->player));
    assert_true(telnet_is_valid(&line->player));
}

#define SAYS(line, wanted) assert_said(line, wanted, sizeof(wanted) - 1)

static void the_game_is_told_when_it_asks(void **unused)
{
    (void)unused;
    struct line line = {0};
    GAME(&line, "Welcome\r\n" DO);
    SAYS(&line, WILL);
    PLAYER(&line, WILL, "");
    SAYS(&line, "");
    GAME(&line, SEND);
    SAYS(&line, TOLD);
    GAME(&line, SEND_NAMES);
    SAYS(&line, TOLD);
    GAME(&line, DONT);
    SAYS(&line, WONT);
    PLAYER(&line, WONT, "");
    GAME(&line, DO SEND);
    SAYS(&line, WILL TOLD);
}

static void a_player_who_knows_nothing_of_it_makes_no_difference(void **unused)
{
    (void)unused;
    struct line line = {0};
    GAME(&line, DO);
    PLAYER(&line, WONT, "");
    SAYS(&line, WILL);
    GAME(&line, SEND);
    SAYS(&line, TOLD);
}

static void a_players_own_offer_passes_and_may_be_taken_up(void **unused)
{
    (void)unused;
    struct line line = {0};
    PLAYER(&line, WILL, WILL);
    SAYS(&line, "");
    GAME(&line, DO);
    SAYS(&line, WILL);
}

static void who_does_not_ask_is_told_nothing(void **unused)
{
    (void)unused;
    struct line line = {0};
    GAME(&line, DO "\xff\xfa\x27\0\x01\xff\xf0\xff\xfa\x27\xff\xf0\xff\xfa\x18\x01\xff\xf0");
    SAYS(&line, WILL);
    GAME(&line, DONT SEND); // it has taken it back
    SAYS(&line, WONT);
}

static void nothing_is_said_in_the_middle_of_the_players_words(void **unused)
{
    (void)unused;
    struct line line = {0};
    GAME(&line, DO);
    PLAYER(&line, "\xff\xfa\x1f\0P", "\xff\xfa\x1f\0P");
    assert_false(telnet_environ_is_due(&line.game, &line.player));
    PLAYER(&line, "\0\x18\xff", "\0\x18");
    assert_false(telnet_environ_is_due(&line.game, &line.player));
    PLAYER(&line, "\xf0look", "\xff\xf0look");
    SAYS(&line, WILL);
}

static void the_next_game_is_told_when_it_asks(void **unused)
{
    (void)unused;
    struct line line = {0};
    uint8_t out[TELNET_MEND_BYTES];
    GAME(&line, DO);
    SAYS(&line, WILL);
    PLAYER(&line, WILL, "");
    GAME(&line, SEND "\xff\xfa\x27\x01"); // and it dies
    assert_int_equal(telnet_mend(&line.game, &line.player, out), 2 + 3);
    assert_memory_equal(out, SE DONT, 5);
    SAYS(&line, "");
    GAME(&line, "Welcome\r\n" DO);
    PLAYER(&line, WONT WILL, ""); // the first one is the answer to the dead game
    SAYS(&line, WILL);
    GAME(&line, SEND);
    SAYS(&line, TOLD);
}

static void what_else_the_player_says_of_itself_passes(void **unused)
{
    (void)unused;
    struct line line = {0};
    GAME(&line, DO);
#define ELSE IS "\0CLIENT_NAME\x01TINTIN++\0IP\0ADRESS\x03USER\x01me\x02\x01\xff\xff" SE
    PLAYER(&line, ELSE, ELSE);
    PLAYER(&line, "IPADDRESS\r\n", "IPADDRESS\r\n");
    PLAYER(&line, "\xff\xfa\xc9IPADDRESS {}" SE, "\xff\xfa\xc9IPADDRESS {}" SE); // GMCP
    PLAYER(&line, "\xff\xfa\x27" SE "x", "\xff\xfa\x27" SE "x");
}

static void the_players_own_address_never_passes(void **unused)
{
    (void)unused;
    struct line line = {0};
    GAME(&line, DO);
#define X(start, letters, rest)                                                                    \
    PLAYER(&line, start letters "S" rest SE "x", start letters "X" rest SE "x")
    X(IS, "\0IPADDRES",
      "\x01"
      "192.0.2.1");
    X(INFO, "\0IPADDRES",
      "\x01"
      "192.0.2.1");
    X(IS, "\3IPADDRES",
      "\x01"
      "192.0.2.1");
    X(IS, "\0CHARSET\1UTF-8\0IPADDRES",
      "\x01"
      "192.0.2.1\0A\1B");
    X(IS,
      "\0\x02I\x02P\x02"
      "A\x02"
      "D\x02"
      "D\x02R\x02"
      "E\x02S\x02",
      "\x01"
      "192.0.2.1");
    X(IS, "\0ipAddreS",
      "\x01"
      "192.0.2.1");
    X(IS, "\0 \"IP\xff\xff\tADD\0RE\x01S",
      " \x01"
      "192.0.2.1");
    X(IS, "IPADDRES", "");
    X(IS, "\0IP\x02\0ADDRES", "");
    X("\xff\xfa\x27", "IPADDRES", "");
    X("\xff\xfa\x27\x07", "IIPADDRES", "TWO");
    X(IS, "\0IPADIPADDRES", "");
    X(IS "\0IPADDRESX" SE IS, "\0IPADDRES", "");
#undef X
    PLAYER(&line, IS "\0IPADDRES" SE "S", IS "\0IPADDRES" SE "S");
    PLAYER(&line, IS "\0IPADDRESSIPADDRESS" SE, IS "\0IPADDRESXIPADDRESX" SE);
}

// Readers differ in what they make of these. What comes out they read alike.
static void what_could_be_read_in_two_ways_is_made_plain(void **unused)
{
    (void)unused;
    struct line line = {0};
    GAME(&line, DO);
    // A 255 that was not doubled, with any letter behind it.
    PLAYER(&line, IS "\0IP\xffXADDRESS" SE, IS "\0IPADDRESX" SE);
    PLAYER(&line, IS "\0I\xffPADDRESS" SE, IS "\0IADDRESS" SE);
    // A command inside.
    PLAYER(&line,
           IS "\0IP\xff\xf1"
              "ADDRESS" SE,
           IS "\0IP" SE "ADDRESS" SE);
    PLAYER(&line,
           IS "\0IP\xff\xfb\x1f"
              "ADDRESS" SE,
           IS "\0IP" SE "ADDRESS" SE);
    PLAYER(&line,
           IS "\0IP\xff\xfa\x1f"
              "ADDRESS" SE "x",
           IS "\0IP" SE "x");
    PLAYER(&line,
           IS "\0IP\xff\xfa\xff\xf0"
              "ADDRESS",
           IS "\0IP" SE "ADDRESS");
    // An option 255.
    PLAYER(&line, "\xff\xfb\xff\xfa\x27\0\0IPADDRESS" SE, "\xfa\x27\0\0IPADDRESS" SE);
    PLAYER(&line, "\xff\xfa\xff\xff\xfa\x27\0\0IPADDRESS" SE "x", "x");
    PLAYER(&line, "\xff\xfa\xff\xfa\x27\0\0IPADDRESS" SE "x", "\xff\xfa\x27\0\0IPADDRESX" SE "x");
    // Within another one.
    PLAYER(&line, "\xff\xfa\x18\0xt" IS "\0IPADDRESS" SE, "\xff\xfa\x18\0xt" IS "\0IPADDRESX" SE);
}

static void without_the_option_all_passes(void **unused)
{
    (void)unused;
    struct line line = {.is_open = true};
    GAME(&line, DO);
    PLAYER(&line,
           WILL IS "\0IPADDRESS\x01"
                   "192.0.2.1\xffX" SE WONT,
           WILL IS "\0IPADDRESS\x01"
                   "192.0.2.1\xffX" SE WONT);
}

static void forwarded_is_taken_out_of_both_directions(void **unused)
{
    (void)unused;
    struct line line = {.is_open = true, .is_forwarded = true};
    feed(&line, false, "a\xff\xfd\x71z", 5, "az", 2);
    PLAYER(&line, "a\xff\xfb\x71\xff\xfc\x71z", "az");
    PLAYER(&line,
           "\xff\xfa\x71"
           "192.0.2.1" SE "z",
           "z");
    PLAYER(&line,
           "\xff\xfa\x71"
           "192.0.2.1\xff\xfa\x71"
           "192.0.2.1" SE "z",
           "z");
    PLAYER(&line,
           "\xff\xfa\x18\0xt\xff\xfa\x71"
           "192.0.2.1" SE "z",
           "\xff\xfa\x18\0xt" SE "z");
    PLAYER(&line, "\xff\xfa\x18\0xt\xff\xfb\x71z", "\xff\xfa\x18\0xt" SE "z");
    PLAYER(&line, "\xff\xfb\xff\xfa\x71z", "\xfaqz");
    PLAYER(&line, "\xff\xfb\x18z", "\xff\xfb\x18z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_game_is_told_when_it_asks),
        cmocka_unit_test(a_player_who_knows_nothing_of_it_makes_no_difference),
        cmocka_unit_test(a_players_own_offer_passes_and_may_be_taken_up),
        cmocka_unit_test(who_does_not_ask_is_told_nothing),
        cmocka_unit_test(nothing_is_said_in_the_middle_of_the_players_words),
        cmocka_unit_test(the_next_game_is_told_when_it_asks),
        cmocka_unit_test(what_else_the_player_says_of_itself_passes),
        cmocka_unit_test(the_players_own_address_never_passes),
        cmocka_unit_test(what_could_be_read_in_two_ways_is_made_plain),
        cmocka_unit_test(without_the_option_all_passes),
        cmocka_unit_test(forwarded_is_taken_out_of_both_directions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
