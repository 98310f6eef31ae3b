// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Room behind what is to be sent: made, or what waits for it waits (relay/output.c, relay/follow.c).
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

// Of `out` as it is: where it begins, how much room is behind it, and for how much room is wanted.
static void room_is_made_if_there_is_any(void **state)
{
    static const struct {
        uint32_t start, left, wanted;
        bool has_room, is_moved;
    } cases[] = {
        {0, 5, 5, true, false},  {0, 5, 6, false, false}, {7, 5, 5, true, false},
        {7, 5, 6, true, true},   {7, 5, 12, true, true},  {7, 5, 13, false, false},
        {1, 0, 2, false, false}, {1, 0, 1, true, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int dir = TO_GAME; dir <= TO_PLAYER; dir++) {
            world_make(&world, WORLD_PLAIN, SLOT_FLAG_TELNET);
            world_fill_out(&world, (enum flow_dir)dir, cases[i].start, cases[i].left, 'm');
            struct flow_state now = *world_now(&world, (enum flow_dir)dir);
            relay_world_memory = failing(ENOMEM, cases[i].is_moved);
            if (cases[i].is_moved)
                assert_false(
                    relay_make_out_room(&world.relay, (enum flow_dir)dir, cases[i].wanted, &now));
            world_check(&world);
            relay_world_n_commits = 0;
            assert_int_equal(
                relay_make_out_room(&world.relay, (enum flow_dir)dir, cases[i].wanted, &now),
                cases[i].has_room);
            assert_int_equal(relay_world_n_commits, cases[i].is_moved);
            assert_int_equal(world_now(&world, (enum flow_dir)dir)->out.start,
                             cases[i].is_moved ? 0 : cases[i].start);
            assert_memory_equal(&now, world_now(&world, (enum flow_dir)dir), sizeof now);
            world_check(&world);
            world_free(&world);
        }
    }
}

// Not all that is in `out` has been sent, be it a byte: the game has not got all.
static void what_is_unsent_is_kept(void **state)
{
    (void)state;
    for (unsigned n_unsent = 0; n_unsent < 3; n_unsent++) {
        make_linked(WORLD_PLAIN, 0, ACKING);
        world_fill_out(&world, TO_GAME, 0, 0, 'm');
        struct flow_state next = *input();
        next.sent = CHUNK_BYTES - n_unsent;
        next.input.unacked = (uint16_t)(CHUNK_BYTES - n_unsent);
        flow_commit(world.slot, TO_GAME, &next);
        relay_world_memory = failing(ENOMEM, 1);
        assert_false(relay_make_out_room(&world.relay, TO_GAME, 1, &next));
        assert_memory_equal(&next, input(), sizeof next);
        relay_world_memory.n = 0;
        assert_int_equal(relay_make_out_room(&world.relay, TO_GAME, 1, &next), n_unsent == 0);
        assert_int_equal(input()->input.unacked,
                         n_unsent ? CHUNK_BYTES - n_unsent : CHUNK_BYTES / 4 * 3);
        if (n_unsent == 0) {
            // It has had more than is kept, until it says that it has acted on more.
            assert_true(relay_acknowledge(&world.relay, CHUNK_BYTES / 4));
            assert_true(input()->flags & FLOW_HEADLESS);
            assert_true(relay_acknowledge(&world.relay, CHUNK_BYTES / 4 + 1));
            assert_false(input()->flags & FLOW_HEADLESS);
        }
        world_free(&world);
    }
}

// Where nothing waits for room none is made.
static void no_room_is_made_for_nothing(void **state)
{
    (void)state;
    for (int what = 0; what < 2; what++) {
        make_linked(WORLD_PLAIN, what == 0 ? SLOT_FLAG_TELNET : 0, ACKING);
        many[CHUNK_BYTES - 1] = '\n';
        world_player_says(&world, many, CHUNK_BYTES);
        world_run(&world);
        if (what == 1) {
            shutdown(world.player, SHUT_WR);
            struct flow_state next = *input();
            flow_set_phase(&next, TO_GAME, FLOW_ENDING);
            next.sent--;
            next.input.unacked--;
            flow_commit(world.slot, TO_GAME, &next);
        }
        assert_true(relay_acknowledge(&world.relay, 7));
        world_run_with(&world, 0);
        assert_int_equal(input()->out.start, 7);
        world_free(&world);
    }
    // Text is no record.
    make_linked(WORLD_PLAIN, SLOT_FLAG_TELNET, 0);
    world_fill_out(&world, TO_GAME, 0, 0, 'm');
    struct flow_state next = *input();
    next.in = (struct buffer){chunk_take(&world.chunks), CHUNK_BYTES - 5, CHUNK_BYTES - 1};
    flow_commit(world.slot, TO_GAME, &next);
    world_player_says(&world, TEXT("x"));
    world_run_with(&world, RELAY_READ_PLAYER);
    assert_int_equal(input()->in.start, CHUNK_BYTES - 5);
    assert_int_equal(input()->in.end, CHUNK_BYTES);
    world_free(&world);
}

static void as_much_is_followed_as_there_is_room_for(void **state)
{
    static const struct {
        uint32_t left;
        bool is_held;
        uint32_t n_said;
        uint32_t n_taken;
    } cases[] = {{0, false, 7, 0}, {1, false, 7, 1}, {2, false, 7, 2},
                 {2, true, 7, 0},  {3, true, 7, 1},  {3, true, 3, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        make_linked(WORLD_PLAIN, SLOT_FLAG_TELNET, 0);
        if (cases[i].is_held) {
            world_game_says(&world, TEXT("\377\373"));
            world_run(&world);
        }
        world_fill_out(&world, TO_PLAYER, 0, cases[i].left, 'm');
        world_game_says(&world, "\1abcdef", cases[i].n_said);
        world_run_with(&world, RELAY_READ_GAME);
        const struct flow_state *now = world_now(&world, TO_PLAYER);
        assert_int_equal(now->in.start, cases[i].n_taken);
        assert_int_equal(now->out.end, CHUNK_BYTES - (cases[i].n_taken ? 0 : cases[i].left));
        world_free(&world);
    }
}

// What is followed makes room to receive more, in one run.
static void what_is_followed_makes_room(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, SLOT_FLAG_TELNET, 0);
    world_player_says(&world, many, 2 * CHUNK_BYTES);
    relay_world_memory = failing(ENOMEM, 100);
    relay_world_memory.n_first = 1;
    world_run_with(&world, RELAY_READ_PLAYER);
    assert_int_equal(buffer_bytes(&input()->in), CHUNK_BYTES);
    relay_world_memory.n = 0;
    world_run_with(&world, RELAY_READ_PLAYER);
    assert_int_equal(input()->received, 2 * CHUNK_BYTES);
    world_free(&world);
}

// A record's text comes behind what telnet holds back, and both have room or wait.
static void held_back_bytes_go_before_a_records_text(void **state)
{
    (void)state;
    for (unsigned missing = 0; missing < 2; missing++) {
        make_linked(WORLD_TLS13, SLOT_FLAG_TELNET, 0);
        world_player_says(&world, TEXT("\377"));
        world_run(&world);
        world_game_hears(&world, "", 0, false);
        assert_true(input()->record.paid_ms != 0);
        world_player_says(&world, TEXT("\371abc"));
        world_fill_out(&world, TO_GAME, 0, 4 + TLS13_BYTES + 1 - missing, 'm');
        world_run_with(&world, RELAY_READ_PLAYER);
        assert_int_equal(input()->in.chunk == CHUNK_NONE, !missing);
        if (!missing)
            assert_memory_equal(vault_chunk(&world.vault, input()->out.chunk) + input()->out.end -
                                    5,
                                "\377\371abc", 5);
        world_free(&world);
    }
}

static void half_a_record_is_not_waited_for_when_the_player_is_gone(void **state)
{
    static const uint8_t half[] = {23, 3, 3, 0, 99, 1, 2, 3};
    (void)state;
    make_linked(WORLD_TLS13, 0, 0);
    send_raw(half, sizeof half);
    world_run(&world);
    shutdown(world.player, SHUT_WR);
    world_run(&world);
    assert_int_equal(input()->phase, FLOW_SHUT);
    world_game_hears(&world, "", 0, true);
    world_free(&world);
}

static void without_memory_for_a_records_text_nothing_else_is_waited_for(void **state)
{
    (void)state;
    make_linked(WORLD_TLS13, 0, 0);
    world_player_says(&world, TEXT("one"));
    relay_world_memory = failing(ENOMEM, 100);
    relay_world_memory.n_first = 1;
    assert_int_equal(world_run(&world), RELAY_POLL);
    relay_world_memory.n = 0;
    world_run(&world);
    world_game_hears(&world, TEXT("one"), false);
    world_free(&world);
    // A byte's room is room.
    for (uint32_t left = 0; left < 2; left++) {
        make_linked(WORLD_PLAIN, 0, 0);
        world_fill_out(&world, TO_PLAYER, 0, left, 'm');
        assert_int_equal(world_run_with(&world, 0) & RELAY_READ_GAME, left ? RELAY_READ_GAME : 0);
        world_free(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(room_is_made_if_there_is_any),
        cmocka_unit_test(what_is_unsent_is_kept),
        cmocka_unit_test(no_room_is_made_for_nothing),
        cmocka_unit_test(as_much_is_followed_as_there_is_room_for),
        cmocka_unit_test(what_is_followed_makes_room),
        cmocka_unit_test(held_back_bytes_go_before_a_records_text),
        cmocka_unit_test(half_a_record_is_not_waited_for_when_the_player_is_gone),
        cmocka_unit_test(without_memory_for_a_records_text_nothing_else_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
