// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A dead game's link is given up, and the player put right behind its last words (relay/dead_game.c).
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

// The next game hears this, whatever is still to come of the line begun.
static void next_hears(bool is_resumed, const char *text)
{
    world_link(&world, is_resumed, world.slot->flags & RESUMING);
    assert_true(world_now(&world, TO_GAME)->flags & FLOW_FRESH);
    world_run(&world);
    world_game_hears(&world, text, strlen(text), false);
}

// The link is given up before it is closed (I10) ...
static void see_close(const struct slot *slot)
{
    assert_int_equal(slot->game_fd, -1);
}

// ... and not before it is known since when the player waits.
static void see_clock(const struct slot *slot)
{
    assert_true(slot->game_fd >= 0);
}

static void unlinking_may_be_done_again(void **state)
{
    (void)state;
    make_linked(0, RESUMING);
    type("one\n");
    world.slot->held_ms = 1;
    const int fd = world.slot->game_fd;
    relay_world_on_close = see_close;
    relay_world_on_clock = see_clock;
    world_unlink(&world);
    relay_world_on_close = NULL;
    relay_world_on_clock = NULL;
    assert_true(world.slot->held_ms > 1);
    assert_int_equal(world.slot->game_fd, -1);
    assert_int_equal(dup(fd), -1); // closed
    const unsigned n = relay_world_n_commits;
    const uint64_t held_ms = world.slot->held_ms = 7;
    relay_unlink(&world.relay);
    assert_int_equal(relay_world_n_commits, n);
    assert_int_equal(world.slot->held_ms, held_ms);
    // And it may have died before the input was seen to.
    assert_true(relay_mend(&world.relay, ""));
    assert_false(relay_mend(&world.relay, ""));
    world_player_hears(&world, "", 0, false);
    next_hears(true, "one\n");
    world_free(&world);

    // Its end was seen first.
    make_linked(0, 0);
    close(world.game);
    world.game = -1;
    world_run(&world);
    assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_CUT);
    relay_unlink(&world.relay);
    world_check(&world);
    assert_int_equal(world.slot->game_fd, -1);
    // A player who has left meanwhile has nothing to keep.
    relay_shut(&world.relay, TO_GAME);
    world.slot->game_fd = dup(world.player);
    relay_unlink(&world.relay);
    assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_SHUT);
    world_free(&world);
}

static void the_dead_games_words_come_first(void **state)
{
    static const char mended[] = "half\377\374\1\r\n" TOLD;
    (void)state;
    for (unsigned variant = 0; variant < N_VARIANTS; variant++) {
        make_linked(variant, 0);
        world_game_says(&world, TEXT("half"));
        relay_world_memory = failing(0, 0);
        world.relay.work = 9; // to receive, and no more
        world_run(&world);
        world_game_says(&world, TEXT("\377\373\1"));
        world.relay.work = RELAY_WORK_ALL;
        world_run(&world);
        world_unlink(&world);
        assert_true(relay_mend(&world.relay, AWAY));
        world_check(&world);
        world_run(&world);
        const uint8_t *text;
        bool is_end;
        const size_t n = world_player_reads(&world, &text, &is_end);
        const size_t n_told = sizeof TOLD - 1;
        if (variant & 1)
            assert_true(n >= 7 + 5 + n_told);
        else
            assert_int_equal(n, 7 + n_told);
        assert_memory_equal(text, "half\377\373\1", 7);
        if (variant & 1)
            assert_memory_equal(text + 7, mended + 4, 3);
        assert_memory_equal(text + n - n_told, TOLD, n_told);
        assert_int_equal(relay_output_offset(world.slot), 7);
        assert_int_equal(world_now(&world, TO_PLAYER)->received, n);
        world_free(&world);
    }
}

// Not before all that it has said is sealed; nor when there is no room.
static void mending_waits(void **state)
{
    static const uint8_t many[30000];
    (void)state;
    make_linked(2, 0);
    world_game_says(&world, many, 20000);
    world.relay.work = 9;
    world_run(&world);
    assert_int_not_equal(world_now(&world, TO_PLAYER)->in.chunk, CHUNK_NONE);
    world_unlink(&world);
    assert_false(relay_mend(&world.relay, AWAY));
    world.relay.work = RELAY_WORK_ALL;
    relay_world_send = failing(EAGAIN, 100);
    world_run(&world);
    if (world_now(&world, TO_PLAYER)->in.chunk == CHUNK_NONE)
        assert_int_equal(relay_mend(&world.relay, AWAY),
                         buffer_room(&world_now(&world, TO_PLAYER)->out) >= 6 + RECORD_OVERHEAD);
    relay_world_send.n = 0;
    world_free(&world);

    make_linked(0, 0);
    world_game_says(&world, many, CHUNK_BYTES - 5);
    relay_world_send = failing(EAGAIN, 100);
    world_run(&world);
    world_unlink(&world);
    const unsigned n = relay_world_n_commits;
    assert_false(relay_mend(&world.relay, AWAY));
    assert_int_equal(relay_world_n_commits, n);
    assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_CUT);
    relay_world_send.n = 0;
    world_run(&world);
    assert_true(relay_mend(&world.relay, AWAY));
    world_check(&world);
    world_free(&world);
}

static void who_does_not_take_what_is_left_is_stuck(void **state)
{
    (void)state;
    make_linked(0, 0);
    world_game_says(&world, TEXT("last"));
    relay_world_send = failing(EAGAIN, 1);
    assert_false(world_run(&world) & RELAY_STUCK);
    relay_world_send = failing(EAGAIN, 1);
    close(world.game);
    world.game = -1;
    assert_true(world_run(&world) & RELAY_STUCK);
    relay_unlink(&world.relay);
    relay_world_send = failing(EAGAIN, 1);
    const unsigned wants = world_run(&world);
    assert_true(wants & RELAY_WRITE_PLAYER);
    assert_false(wants & RELAY_STUCK); // it is held
    relay_end(&world.relay);
    relay_world_send = failing(EAGAIN, 1);
    assert_true(world_run(&world) & RELAY_STUCK);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unlinking_may_be_done_again),
        cmocka_unit_test(the_dead_games_words_come_first),
        cmocka_unit_test(mending_waits),
        cmocka_unit_test(who_does_not_take_what_is_left_is_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
