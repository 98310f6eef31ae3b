// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where room is short on the way to the game: a record that does not fit behind others, a buffer that
// the game has not acknowledged, a header that it has not read (relay/to_game.c, relay/output.c).
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

#define ACKING (SLOT_FLAG_RESUMES | SLOT_FLAG_ACKS)
#define TLS13_BYTES 22u // of a record, beside its text

static struct relay_world world;
static uint8_t many[3 * CHUNK_BYTES];

static void make_linked(enum relay_world_kind kind, uint32_t slot_flags, uint32_t link_flags)
{
    memset(many, 'm', sizeof many);
    world_make(&world, kind, slot_flags);
    world_link(&world, false, link_flags);
}

static void send_raw(const uint8_t *bytes, size_t n)
{
    assert_int_equal(send(world.player, bytes, n, 0), n);
}

static const struct flow_state *input(void)
{
    return world_now(&world, TO_GAME);
}

// A second record ends where the chunk does, or so many bytes before, or behind.
static void a_record_that_does_not_fit_moves_to_the_front(void **state)
{
    static uint8_t wire[2 * CHUNK_BYTES];
    (void)state;
    for (int left = 3; left <= 7; left++) {
        const size_t first = 10000;
        const size_t second = CHUNK_BYTES - (size_t)left - first;
        for (int has_memory = 0; has_memory < 2; has_memory++) {
            make_linked(WORLD_TLS13, 0, 0);
            size_t n = world_player_seals(&world, many, first - TLS13_BYTES, wire);
            assert_int_equal(n, first);
            n += world_player_seals(&world, many, second - TLS13_BYTES, wire + n);
            send_raw(wire, first + 9);
            world_run(&world);
            world_game_hears(&world, many, first - TLS13_BYTES, false);
            assert_int_equal(input()->in.start, first);
            send_raw(wire + first + 9, 1);
            if (!has_memory)
                relay_world_memory = failing(ENOMEM, 1);
            const unsigned wants = world_run(&world);
            if (left < 5 && !has_memory) {
                assert_int_equal(wants & (RELAY_POLL | RELAY_READ_PLAYER), RELAY_POLL);
                assert_int_equal(input()->in.end, first + 9);
                world_run(&world);
            }
            relay_world_memory.n = 0;
            assert_int_equal(input()->in.start, left < 5 ? 0 : first);
            assert_int_equal(buffer_bytes(&input()->in), 10);
            send_raw(wire + first + 10, n - first - 10);
            world_run(&world);
            world_game_hears(&world, many, second - TLS13_BYTES, false);
            world_free(&world);
        }
    }
}

// Of the next record no more is here than a part of its header.
static void a_header_that_does_not_fit_moves_to_the_front(void **state)
{
    static uint8_t wire[2 * CHUNK_BYTES];
    (void)state;
    for (unsigned left = 1; left <= 6; left++) {
        make_linked(WORLD_TLS13, 0, 0);
        size_t n = 0;
        n += world_player_seals(&world, many, 10000, wire + n);
        n += world_player_seals(&world, many, CHUNK_BYTES - left - n - TLS13_BYTES, wire + n);
        assert_int_equal(n, CHUNK_BYTES - left);
        const size_t begun = n;
        n += world_player_seals(&world, many, 16384, wire + n);
        send_raw(wire, begun + 1);
        world_run(&world);
        send_raw(wire + begun + 1, n - begun - 1);
        world_run(&world);
        world_game_hears(&world, many, begun - 2 * TLS13_BYTES + 16384, false);
        world_free(&world);
    }
}

static void the_largest_record_passes(void **state)
{
    (void)state;
    for (int kind = WORLD_TLS12; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, SLOT_FLAG_TELNET, 0);
        for (int i = 0; i < 5; i++) {
            world_player_says(&world, many, 16384);
            world_run(&world);
            world_game_hears(&world, many, 16384 + (i > 0), false);
            world_player_says(&world, many, 1);
        }
        world_free(&world);
    }
}

// Of a line without an end the oldest bytes are kept no longer, when there is no room for more.
static void of_a_long_line_less_is_kept(void **state)
{
    (void)state;
    for (unsigned telnet = 0; telnet < 2; telnet++) {
        make_linked(WORLD_PLAIN, telnet ? SLOT_FLAG_TELNET : 0, ACKING);
        world_player_says(&world, many, CHUNK_BYTES - 1);
        assert_true(world_run(&world) & RELAY_READ_PLAYER);
        assert_int_equal(input()->input.unacked, CHUNK_BYTES - 1);
        assert_false(input()->flags & FLOW_HEADLESS);
        world_player_says(&world, many, 1 + telnet);
        assert_true(world_run(&world) & RELAY_READ_PLAYER);
        assert_int_equal(input()->input.unacked, CHUNK_BYTES - CHUNK_BYTES / 4 + telnet);
        assert_true(input()->flags & FLOW_HEADLESS);
        assert_int_equal(input()->input.front, FRONT_IN_LINE);
        world_game_hears(&world, many, CHUNK_BYTES + telnet, false);
        world_check(&world);
        world_unlink(&world); // what is kept of it is for nobody
        assert_int_equal(input()->out.chunk, CHUNK_NONE);
        assert_true(input()->flags & FLOW_SKIP);
        world_free(&world);
    }
}

static void what_has_lines_waits_until_it_is_acknowledged(void **state)
{
    (void)state;
    for (unsigned telnet = 0; telnet < 2; telnet++) {
        make_linked(WORLD_PLAIN, telnet ? SLOT_FLAG_TELNET : 0, ACKING);
        many[CHUNK_BYTES - 1] = '\n';
        world_player_says(&world, many, CHUNK_BYTES + telnet);
        unsigned wants = world_run(&world);
        assert_true(wants & RELAY_UNACKED || telnet);
        assert_int_equal(wants & RELAY_READ_PLAYER, telnet ? RELAY_READ_PLAYER : 0);
        assert_int_equal(input()->input.unacked, CHUNK_BYTES);
        world_game_hears(&world, many, CHUNK_BYTES, false);
        if (!telnet)
            world_player_says(&world, many, 1);
        assert_true(relay_acknowledge(&world.relay, 7));
        wants = world_run(&world);
        assert_false(wants & RELAY_UNACKED);
        assert_true(wants & RELAY_READ_PLAYER);
        assert_int_equal(input()->input.unacked, CHUNK_BYTES - 7 + 1);
        assert_int_equal(input()->out.start, 0);
        world_game_hears(&world, many, 1, false);
        world_free(&world);
    }
    // All room is taken, and the game has not had all.
    make_linked(WORLD_PLAIN, 0, ACKING);
    many[2] = '\n';
    world_player_says(&world, many, 3);
    world_run(&world);
    world_player_says(&world, many, CHUNK_BYTES);
    relay_world_send = failing(EAGAIN, 1);
    assert_int_equal(world_run(&world) & (RELAY_UNACKED | RELAY_READ_PLAYER), 0);
    world_unlink(&world);
    assert_int_equal(world_run(&world) & (RELAY_UNACKED | RELAY_READ_PLAYER), 0);
    world_free(&world);
}

// A record of 16384 bytes, and so much that is not acknowledged before it.
static void for_a_record_as_much_goes_as_it_needs(void **state)
{
    static const struct {
        unsigned unacked, left;
    } cases[] = {
        {CHUNK_BYTES - 16384 - TLS13_BYTES, CHUNK_BYTES - 16384 - TLS13_BYTES}, // all fits
        {CHUNK_BYTES - 16384 - TLS13_BYTES + 1, 0}, // a quarter of the chunk, or what there is
        {CHUNK_BYTES / 4 + 1, 1},
        {15000, CHUNK_BYTES - 16384 - TLS13_BYTES}, // what the record needs
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_linked(WORLD_TLS13, 0, ACKING);
        world_player_says(&world, many, cases[i].unacked);
        world_run(&world);
        assert_int_equal(input()->input.unacked, cases[i].unacked);
        world_player_says(&world, many, 16384);
        world_run(&world);
        assert_int_equal(input()->input.unacked, cases[i].left + 16384);
        world_game_hears(&world, many, cases[i].unacked + 16384, false);
        world_free(&world);
    }
}

static void moving_what_is_unsent_needs_memory(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, 0, ACKING);
    many[CHUNK_BYTES - 1] = '\n';
    world_player_says(&world, many, CHUNK_BYTES);
    world_run(&world);
    assert_true(relay_acknowledge(&world.relay, 7));
    relay_world_memory = failing(ENOMEM, 1);
    assert_true(world_run(&world) & RELAY_POLL);
    assert_int_equal(input()->out.start, 7);
    assert_true(world_run(&world) & RELAY_READ_PLAYER);
    assert_int_equal(input()->out.start, 0);
    assert_memory_equal(vault_chunk(&world.vault, input()->out.chunk), many + 7, CHUNK_BYTES - 7);
    world_free(&world);
}

static void nothing_follows_a_header_that_is_unread(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, 0, 0);
    assert_int_equal(send(world.slot->game_fd, "header", 6, 0), 6);
    world_player_says(&world, TEXT("one"));
    assert_int_equal(world_run(&world), RELAY_POLL | RELAY_READ_PLAYER | RELAY_READ_GAME);
    world_game_hears(&world, TEXT("header"), false);
    assert_int_equal(world_run(&world), RELAY_READ_PLAYER | RELAY_READ_GAME);
    world_player_says(&world, TEXT("two"));
    assert_int_equal(world_run(&world), RELAY_READ_PLAYER | RELAY_READ_GAME);
    world_game_hears(&world, TEXT("onetwo"), false);
    world_free(&world);
}

static void the_end_comes_behind_all_that_was_said(void **state)
{
    (void)state;
    for (int kind = WORLD_PLAIN; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, SLOT_FLAG_TELNET, 0);
        for (size_t at = 0; at < sizeof many; at += 15360)
            world_player_says(&world, many + at, 15360);
        shutdown(world.player, SHUT_WR);
        for (int i = 0; i < 8; i++) {
            relay_world_send = failing(EAGAIN, 1);
            world_run(&world);
        }
        assert_int_equal(input()->received > CHUNK_BYTES, true);
        world_game_hears(&world, "", 0, false);
        for (int i = 0; i < 8; i++)
            world_run(&world);
        world_game_hears(&world, many, sizeof many, true);
        assert_int_equal(input()->phase, FLOW_SHUT);
        world_free(&world);
    }
}

static void the_game_is_told_where_the_player_is(void **state)
{
    static const char offer[] = "\377\375\47";
    static const char question[] = "\377\372\47\1\377\360";
    static const char answer[] = "\377\372\47\0\0IPADDRESS\1"
                                 "192.0.2.1\377\360";
    (void)state;
    // Who has left, and who is not to be named, says nothing.
    for (int what = 0; what < 2; what++) {
        make_linked(WORLD_PLAIN, SLOT_FLAG_TELNET | (what ? 0 : SLOT_FLAG_MNES), 0);
        if (what == 0)
            shutdown(world.player, SHUT_WR);
        world_run(&world);
        world_game_says(&world, TEXT(offer));
        world_run(&world);
        world_game_hears(&world, "", 0, what == 0);
        world_free(&world);
    }
    // Nor does it say anything to a game that is dead, when there was no room before.
    make_linked(WORLD_PLAIN, SLOT_FLAG_TELNET | SLOT_FLAG_MNES, 0);
    world_fill_out(&world, TO_GAME, 0, 10, 'm');
    world_game_says(&world, TEXT(offer));
    world_run_with(&world, RELAY_READ_GAME);
    world_unlink(&world);
    assert_int_equal(input()->out.chunk, CHUNK_NONE);
    world_run(&world);
    assert_int_equal(input()->out.chunk, CHUNK_NONE);
    world_free(&world);
    for (int kind = WORLD_PLAIN; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, SLOT_FLAG_TELNET | SLOT_FLAG_MNES, 0);
        memcpy(world.slot->address, "\0\0\0\0\0\0\0\0\0\0\377\377\300\0\2\1", 16);
        world_game_says(&world, TEXT(offer));
        world_run(&world);
        world_run(&world);
        world_game_hears(&world, TEXT("\377\373\47"), false);
        world_game_says(&world, TEXT(question));
        world_run(&world);
        world_run(&world);
        world_game_hears(&world, TEXT(answer), false);
        world_run(&world);
        world_game_hears(&world, "", 0, false);
        world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_that_does_not_fit_moves_to_the_front),
        cmocka_unit_test(a_header_that_does_not_fit_moves_to_the_front),
        cmocka_unit_test(the_largest_record_passes),
        cmocka_unit_test(of_a_long_line_less_is_kept),
        cmocka_unit_test(what_has_lines_waits_until_it_is_acknowledged),
        cmocka_unit_test(for_a_record_as_much_goes_as_it_needs),
        cmocka_unit_test(moving_what_is_unsent_needs_memory),
        cmocka_unit_test(nothing_follows_a_header_that_is_unread),
        cmocka_unit_test(the_end_comes_behind_all_that_was_said),
        cmocka_unit_test(the_game_is_told_where_the_player_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
