// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the next game gets of a player's input, and what is only for the dead one: what it has had
// and not acknowledged, the line in which it died, what was typed while it was away
// (relay/input.c, relay/dead_game.c, relay/output.c).
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "relay_world.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define AWAY "away"
#define TOLD "away\r\n"
#define RESUMING (SLOT_FLAG_RESUMES | SLOT_FLAG_ACKS)

static struct relay_world world;

// A kind of player and of game, by numbers below N_VARIANTS; the uneven ones are followed by telnet.
#define N_VARIANTS 4

static void make_linked(unsigned variant, uint32_t link_flags)
{
    world_make(&world, variant < 2 ? WORLD_PLAIN : WORLD_TLS13, variant & 1 ? SLOT_FLAG_TELNET : 0);
    world_link(&world, false, link_flags);
}

static void type(const char *text)
{
    world_player_says(&world, text, strlen(text));
    world_run(&world);
}

static void game_dies(void)
{
    world_unlink(&world);
    assert_int_equal(world_now(&world, TO_GAME)->input.unacked, 0);
    assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_CUT);
    assert_true(world_run(&world) & RELAY_JUDGE);
    assert_true(relay_mend(&world.relay, AWAY));
    world_check(&world);
    assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_OPEN);
    assert_true(world_now(&world, TO_PLAYER)->flags & FLOW_AWAY);
    // What a run has left does not matter to the next link.
    world.relay.left[TO_GAME] = 0;
    world.relay.is_short = true;
}

// The next game hears this, whatever is still to come of the line begun.
static void next_hears(bool is_resumed, const char *text)
{
    world_link(&world, is_resumed, world.slot->flags & RESUMING);
    assert_true(world_now(&world, TO_GAME)->flags & FLOW_FRESH);
    world_run(&world);
    world_game_hears(&world, text, strlen(text), false);
}

static void what_is_not_acknowledged_comes_again(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < N_VARIANTS; variant++) {
        make_linked(variant, RESUMING);
        type("one\ntwo\nth");
        world_game_hears(&world, TEXT("one\ntwo\nth"), false);
        assert_int_equal(world_now(&world, TO_GAME)->input.unacked, 10);
        assert_false(world_now(&world, TO_GAME)->flags & FLOW_FRESH);
        assert_int_equal(relay_input_offset(world.slot), 10);
        assert_true(relay_acknowledge(&world.relay, 4));
        assert_int_equal(world_now(&world, TO_GAME)->input.unacked, 6);
        assert_true(relay_acknowledge(&world.relay, 4)); // the same again
        assert_true(relay_acknowledge(&world.relay, 3)); // and back
        assert_false(relay_acknowledge(&world.relay, 11));
        assert_int_equal(world_now(&world, TO_GAME)->input.unacked, 6);
        world_check(&world);
        game_dies();
        assert_int_equal(relay_input_offset(world.slot), 4);
        next_hears(true, "two\nth");
        type("ree\n");
        world_game_hears(&world, TEXT("ree\n"), false);
        assert_int_equal(relay_input_offset(world.slot), 14);
        assert_true(relay_acknowledge(&world.relay, 14));
        assert_int_equal(world_now(&world, TO_GAME)->input.unacked, 0);
        assert_int_equal(world_now(&world, TO_GAME)->out.chunk, CHUNK_NONE);
        world_check(&world);
        world_free(&world);
    }
}

// What it has acted on it has begun: when it has acknowledged half a line, the rest is still for
// the next one, which knows where it is.
static void within_a_line_a_game_that_acknowledges_goes_on(void **state)
{
    (void)state;
    make_linked(0, RESUMING);
    type("hal");
    assert_true(relay_acknowledge(&world.relay, 2));
    assert_int_equal(world_now(&world, TO_GAME)->input.front, FRONT_IN_LINE);
    game_dies();
    assert_int_equal(world_now(&world, TO_GAME)->input.front, 0);
    type("f\n");
    next_hears(true, "lf\n");
    world_free(&world);
}

static void who_resumes_and_does_not_acknowledge_gets_no_rest_of_a_line(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < N_VARIANTS; variant++) {
        make_linked(variant, SLOT_FLAG_RESUMES);
        type("one\nbeg");
        assert_int_equal(world_now(&world, TO_GAME)->input.unacked, 0);
        assert_true(world_now(&world, TO_GAME)->flags & FLOW_HEADLESS);
        game_dies();
        assert_false(world_now(&world, TO_GAME)->flags & FLOW_HEADLESS);
        assert_true(world_now(&world, TO_GAME)->flags & FLOW_SKIP);
        type("un");
        const uint64_t offset = relay_input_offset(world.slot);
        next_hears(true, "");
        type(" and more");
        assert_int_equal(relay_input_offset(world.slot), offset);
        type("\ntwo\n");
        world_game_hears(&world, TEXT("two\n"), false);
        assert_false(world_now(&world, TO_GAME)->flags & FLOW_SKIP);
        assert_int_equal(world_now(&world, TO_GAME)->input.front, 0);
        assert_int_equal(relay_input_offset(world.slot), offset + 4);
        world_free(&world);
    }
}

static void the_rest_of_a_line_goes_that_is_here_already(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < N_VARIANTS; variant++) {
        make_linked(variant, SLOT_FLAG_RESUMES);
        type("beg");
        relay_world_send = failing(EAGAIN, 1);
        type("un\r\ntwo\n");
        game_dies();
        assert_false(world_now(&world, TO_GAME)->flags & FLOW_SKIP);
        assert_int_equal(flow_unsent(world_now(&world, TO_GAME), TO_GAME), 4);
        assert_int_equal(world_now(&world, TO_GAME)->input.front, 0);
        assert_int_equal(relay_input_offset(world.slot), 7);
        next_hears(true, "two\n");
        world_free(&world);
    }
}

// A line feed that comes late belongs to the carriage return that a dead game has had.
static void a_line_feed_that_comes_late_is_skipped(void **state)
{
    (void)state;
    make_linked(0, SLOT_FLAG_RESUMES);
    type("one\r");
    assert_int_equal(world_now(&world, TO_GAME)->input.front, FRONT_AFTER_CR);
    game_dies();
    next_hears(true, "");
    type("\n");
    world_game_hears(&world, "", 0, false);
    type("two\n");
    world_game_hears(&world, TEXT("two\n"), false);
    world_free(&world);

    make_linked(0, SLOT_FLAG_RESUMES);
    type("one\r");
    game_dies();
    type("two\n");
    assert_int_equal(flow_unsent(world_now(&world, TO_GAME), TO_GAME), 4);
    next_hears(true, "two\n");
    world_free(&world);
}

static void two_games_may_die_within_a_line(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < N_VARIANTS; variant++) {
        make_linked(variant, SLOT_FLAG_RESUMES);
        type("one");
        game_dies();
        next_hears(true, "");
        type("more");
        game_dies();
        assert_true(world_now(&world, TO_GAME)->flags & FLOW_SKIP);
        next_hears(true, "");
        type("still\ntwo\n");
        world_game_hears(&world, TEXT("two\n"), false);
        world_free(&world);
    }
}

static void another_game_gets_nothing_of_what_was_for_the_dead_one(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < N_VARIANTS; variant++) {
        make_linked(variant, 0);
        type("one\nbeg");
        world_game_hears(&world, TEXT("one\nbeg"), false);
        world_game_says(&world, TEXT("said"));
        world_run(&world);
        game_dies();
        assert_int_equal(world_now(&world, TO_GAME)->input.front, variant & 1 ? 0 : FRONT_IN_LINE);
        assert_int_equal(!!(world_now(&world, TO_GAME)->flags & FLOW_DISCARD), variant & 1);
        assert_int_equal(!!(world_now(&world, TO_GAME)->flags & FLOW_SKIP), !(variant & 1));
        type("un\ntyped\nmore");
        if (variant & 1) // it does not wait
            assert_int_equal(world_now(&world, TO_GAME)->out.chunk, CHUNK_NONE);
        assert_true(relay_say(&world.relay, &(struct relay_words){.text = "wait"}));
        world_run(&world);
        assert_int_equal(relay_output_offset(world.slot), 4);
        world_player_says(&world, TEXT(" of it\nand beg"));
        next_hears(false, "");
        assert_int_equal(relay_input_offset(world.slot), 0);
        assert_int_equal(relay_output_offset(world.slot), 0);
        type("un\ntwo\n");
        world_game_hears(&world, TEXT("two\n"), false);
        assert_int_equal(relay_input_offset(world.slot), 4);
        assert_false(world_now(&world, TO_GAME)->flags & (FLOW_SKIP | FLOW_DISCARD));
        type("three\n");
        world_game_hears(&world, TEXT("three\n"), false);
        const uint8_t *text;
        bool is_end;
        const size_t n = world_player_reads(&world, &text, &is_end);
        assert_true(n > 10);
        assert_memory_equal(text, "said", 4);
        assert_memory_equal(text + n - 6, "wait\r\n", 6);
        world_free(&world);
    }
}

// Offsets are counted from where the second game began.
static void another_game_acknowledges_from_its_own_beginning(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < N_VARIANTS; variant++) {
        make_linked(variant, 0);
        type("one\n");
        game_dies();
        world_link(&world, false, RESUMING);
        type("two\nth");
        world_game_hears(&world, TEXT("two\nth"), false);
        assert_int_equal(relay_input_offset(world.slot), 6);
        assert_false(relay_acknowledge(&world.relay, 7));
        assert_true(relay_acknowledge(&world.relay, 4));
        assert_int_equal(world_now(&world, TO_GAME)->input.unacked, 2);
        game_dies();
        next_hears(true, "th");
        world_free(&world);
    }
}

// The first game's line is still not over when the second dies, which resumes players.
static void a_line_for_a_game_before_is_for_no_later_one(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < N_VARIANTS; variant++) {
        make_linked(variant, 0);
        type("one");
        game_dies();
        world_link(&world, false, SLOT_FLAG_RESUMES);
        type("more");
        world_game_hears(&world, "", 0, false);
        assert_true(relay_say(&world.relay, &(struct relay_words){.text = "", .clear = FLOW_AWAY}));
        world_game_says(&world, TEXT("said\r\n")); // of the game's words nothing is dropped
        world_run(&world);
        const uint8_t *text;
        bool is_end;
        const size_t n = world_player_reads(&world, &text, &is_end);
        assert_memory_equal(text + n - 6, "said\r\n", 6);
        game_dies();
        type("still\ntwo\n");
        next_hears(true, "two\n");
        world_free(&world);
    }
}

// An answer that the second game got the beginning of is not for the third.
static void a_subnegotiation_begun_is_for_no_later_game(void **state)
{
    static const char begun[] = "\377\372\30\0half";
    (void)state;
    for (unsigned variant = 1; variant < N_VARIANTS; variant += 2) {
        make_linked(variant, SLOT_FLAG_RESUMES);
        type("one");
        game_dies();
        world_link(&world, true, 0);
        world_player_says(&world, begun, sizeof begun - 1);
        world_run(&world);
        world_game_hears(&world, begun, sizeof begun - 1, false);
        game_dies();
        assert_false(world_now(&world, TO_GAME)->telnet.flags & TELNET_DROPPING);
        next_hears(true, "");
        world_player_says(&world, TEXT("rest\377\360\ntwo\n"));
        world_run(&world);
        world_game_hears(&world, TEXT("two\n"), false);
        world_free(&world);
    }
}

static void another_game_begins_with_a_line_where_one_has_ended(void **state)
{
    (void)state;
    for (unsigned variant = 0; variant < N_VARIANTS; variant++) {
        make_linked(variant, SLOT_FLAG_RESUMES);
        type("one\n");
        relay_world_send = failing(EAGAIN, 1);
        type("two\n");
        game_dies();
        type("typed\n");
        // It resumes nobody.
        world_link(&world, false, 0);
        assert_false(world.slot->flags & SLOT_FLAG_RESUMES);
        type("three\n");
        world_game_hears(&world, TEXT("three\n"), false);
        world_free(&world);
    }
}

static void a_new_player_has_typed_for_the_first_game(void **state)
{
    (void)state;
    for (unsigned telnet = 0; telnet < 2; telnet++) {
        world_make(&world, WORLD_PLAIN, telnet ? SLOT_FLAG_TELNET : 0);
        type("early");
        world_link(&world, false, 0);
        world_run(&world);
        world_game_hears(&world, TEXT("early"), false);
        assert_int_equal(relay_input_offset(world.slot), 5);
        world_free(&world);
    }
}

static void so_much_is_dropped_and_no_more(void **state)
{
    static uint8_t many[12 * CHUNK_BYTES];
    (void)state;
    memset(many, '\n', sizeof many);
    make_linked(0, 0);
    game_dies();
    int most = 1 << 20;
    assert_int_equal(setsockopt(world.player, SOL_SOCKET, SO_SNDBUF, &most, sizeof most), 0);
    const ssize_t n = send(world.player, many, 11 * CHUNK_BYTES, MSG_DONTWAIT);
    assert_int_equal(n, 11 * CHUNK_BYTES);
    world_link(&world, false, 0);
    assert_int_equal(world_now(&world, TO_GAME)->received, 8 * CHUNK_BYTES);
    assert_int_equal(relay_input_offset(world.slot), 0);
    world_run(&world);
    world_game_hears(&world, many, 3 * CHUNK_BYTES, false);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_not_acknowledged_comes_again),
        cmocka_unit_test(within_a_line_a_game_that_acknowledges_goes_on),
        cmocka_unit_test(who_resumes_and_does_not_acknowledge_gets_no_rest_of_a_line),
        cmocka_unit_test(the_rest_of_a_line_goes_that_is_here_already),
        cmocka_unit_test(a_line_feed_that_comes_late_is_skipped),
        cmocka_unit_test(two_games_may_die_within_a_line),
        cmocka_unit_test(another_game_gets_nothing_of_what_was_for_the_dead_one),
        cmocka_unit_test(another_game_acknowledges_from_its_own_beginning),
        cmocka_unit_test(a_line_for_a_game_before_is_for_no_later_one),
        cmocka_unit_test(a_subnegotiation_begun_is_for_no_later_game),
        cmocka_unit_test(another_game_begins_with_a_line_where_one_has_ended),
        cmocka_unit_test(a_new_player_has_typed_for_the_first_game),
        cmocka_unit_test(so_much_is_dropped_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
