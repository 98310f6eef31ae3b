// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What becomes of a player when a receive or a send fails, memory is short, or a side ends; and what
// the relay then waits for (relay/flow_io.c, relay/relay.c).
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

static struct relay_world world;

static void make_linked(enum relay_world_kind kind, uint32_t flags)
{
    world_make(&world, kind, flags);
    world_link(&world, false, 0);
}

static void a_receive_that_is_not_now_waits_for_readiness(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, 0);
    relay_world_n_commits = 0;
    assert_int_equal(world_run_with(&world, RELAY_READY_ALL), RELAY_READ_PLAYER | RELAY_READ_GAME);
    assert_int_equal(world.conn.ready, RELAY_WRITE_PLAYER | RELAY_WRITE_GAME);
    assert_int_equal(world.conn.errors, 0);
    world_player_says(&world, TEXT("one"));
    world_game_says(&world, TEXT("two"));
    world_run_with(&world,
                   RELAY_WRITE_PLAYER | RELAY_WRITE_GAME); // nobody has said that it can be read
    world_game_hears(&world, "", 0, false);
    world_player_hears(&world, "", 0, false);
    assert_int_equal(relay_world_n_commits, 0);
    relay_world_n_receives = 0;
    world.relay.work = 100;
    world_run_with(&world, RELAY_READY_ALL);
    assert_int_equal(world.relay.left[TO_GAME], 100 - 8);
    assert_int_equal(world.relay.left[TO_PLAYER], 100 - 8);
    world_game_hears(&world, TEXT("one"), false);
    world_player_hears(&world, TEXT("two"), false);
    assert_int_equal(relay_world_n_commits, 4);
    assert_int_equal(relay_world_n_receives, 2);
    assert_int_equal(world.conn.ready, RELAY_WRITE_PLAYER | RELAY_WRITE_GAME);
    world_free(&world);
}

static void a_receive_that_fails_is_tried_once_more(void **state)
{
    (void)state;
    // By an interruption as often as that comes.
    make_linked(WORLD_PLAIN, 0);
    world_player_says(&world, TEXT("one"));
    relay_world_recv = failing(EINTR, 3);
    world_run(&world);
    world_game_hears(&world, TEXT("one"), false);
    assert_int_equal(world.conn.errors, 0);
    // An error may come before what is there.
    world_player_says(&world, TEXT("two"));
    relay_world_recv = failing(ECONNRESET, 1);
    world_run(&world);
    world_game_hears(&world, TEXT("two"), false);
    assert_int_equal(world.conn.errors, RELAY_READ_PLAYER);
    assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_OPEN);
    relay_world_recv = failing(ECONNRESET, 1);
    world_player_says(&world, TEXT("unheard"));
    assert_int_equal(world_run(&world), RELAY_READ_GAME);
    assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_SHUT);
    world_game_hears(&world, "", 0, true);
    assert_true(world.slot->flags & SLOT_FLAG_PLAYER_ENDED);
    world_free(&world);
}

static void short_memory_is_waited_for(void **state)
{
    static const int errors[] = {ENOBUFS, ENOMEM};
    (void)state;
    for (int i = 0; i < 2; i++) {
        make_linked(WORLD_PLAIN, 0);
        world_player_says(&world, TEXT("one"));
        world_game_says(&world, TEXT("two"));
        relay_world_recv = failing(errors[i], 1);
        // Nothing is received before the next run.
        assert_int_equal(world_run_with(&world, RELAY_READY_ALL), RELAY_POLL);
        assert_int_equal(relay_world_recv.n, 0);
        assert_int_equal(world.conn.ready, RELAY_READY_ALL);
        world_game_hears(&world, "", 0, false);
        world_player_hears(&world, "", 0, false);
        relay_world_send = failing(EAGAIN, 1);
        world_run_with(&world, RELAY_READ_PLAYER | RELAY_WRITE_GAME);
        for (int n = 0; n < 2; n++) {
            relay_world_send = failing(errors[i], 1);
            assert_true(world_run_with(&world, RELAY_WRITE_GAME) & RELAY_POLL);
            world_game_hears(&world, "", 0, false);
        }
        assert_int_equal(world_run(&world), RELAY_READ_PLAYER | RELAY_READ_GAME);
        world_game_hears(&world, TEXT("one"), false);
        world_player_hears(&world, TEXT("two"), false);
        world_free(&world);
    }
    make_linked(WORLD_PLAIN, 0);
    world_player_says(&world, TEXT("one"));
    relay_world_memory = failing(ENOMEM, 1);
    assert_int_equal(world_run(&world), RELAY_POLL);
    world_run(&world);
    world_game_hears(&world, TEXT("one"), false);
    world_free(&world);
}

static void a_send_that_fails_ends_what_is_sent(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, 0);
    world_player_says(&world, TEXT("one"));
    relay_world_send = failing(EINTR, 2);
    world_run(&world);
    world_game_hears(&world, TEXT("one"), false);
    // It is full: its readiness is waited for.
    world_player_says(&world, TEXT("two"));
    relay_world_send = failing(EAGAIN, 1);
    assert_int_equal(world_run(&world), RELAY_READ_PLAYER | RELAY_READ_GAME | RELAY_WRITE_GAME);
    assert_false(world.conn.ready & RELAY_WRITE_GAME);
    world_game_hears(&world, "", 0, false);
    world_run(&world);
    world_game_hears(&world, TEXT("two"), false);
    world_game_says(&world, TEXT("three"));
    relay_world_send = failing(EAGAIN, 1);
    assert_int_equal(world_run(&world), RELAY_READ_PLAYER | RELAY_READ_GAME | RELAY_WRITE_PLAYER);
    assert_false(world.conn.ready & RELAY_WRITE_PLAYER);
    world_run(&world);
    world_player_hears(&world, TEXT("three"), false);
    // A game that lives and does not listen.
    world_player_says(&world, TEXT("x"));
    relay_world_send = failing(EAGAIN, 1);
    assert_true(world_run(&world) & RELAY_WRITE_GAME);
    relay_world_send = failing(EPIPE, 1);
    assert_int_equal(world_run(&world), RELAY_READ_GAME);
    assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_SHUT);
    assert_int_equal(world.conn.errors, 0);
    // A player who does not, either.
    world_game_says(&world, TEXT("unheard"));
    relay_world_send = failing(EPIPE, 1);
    assert_int_equal(world_run(&world), RELAY_LINGER | RELAY_READ_PLAYER);
    world_free(&world);
}

static void a_game_that_has_hung_up_is_found_out_by_reading(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, 0);
    assert_false(relay_has_hung_up(world.slot));
    world_game_says(&world, TEXT("last"));
    close(world.game);
    world.game = -1;
    assert_true(relay_has_hung_up(world.slot));
    world_player_says(&world, TEXT("for the next\n"));
    // Nothing has been read of its end yet.
    const unsigned wants =
        world_run_with(&world, RELAY_READ_PLAYER | RELAY_WRITE_PLAYER | RELAY_WRITE_GAME);
    assert_int_equal(wants, RELAY_READ_PLAYER | RELAY_READ_GAME);
    assert_int_equal(world.conn.errors, RELAY_WRITE_GAME);
    assert_int_equal(world.conn.ready, RELAY_WRITE_PLAYER);
    assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_OPEN);
    assert_int_equal(flow_unsent(world_now(&world, TO_GAME), TO_GAME), 13);
    world_run_with(&world, RELAY_READ_GAME | RELAY_WRITE_PLAYER);
    world_player_hears(&world, TEXT("last"), false);
    assert_true(world_run_with(&world, RELAY_READ_GAME | RELAY_WRITE_PLAYER) & RELAY_JUDGE);
    assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_CUT);
    assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_OPEN);
    // Whether it is dead is not judged: what comes is not for it.
    const unsigned n = relay_world_send.n = 5;
    world_run_with(&world, RELAY_READY_ALL);
    assert_int_equal(relay_world_send.n, n);
    world_free(&world);
}

static void a_dead_games_words_are_read_to_their_end(void **state)
{
    static const uint8_t many[2 * CHUNK_BYTES];
    (void)state;
    for (int size = 0; size < 2; size++) {
        make_linked(WORLD_PLAIN, 0);
        const size_t n = size == 0 ? 5 : sizeof many;
        int child = dup(world.game); // has the socket: no end of file comes
        world_game_says(&world, many, n);
        assert_true(world_run(&world) & RELAY_READ_GAME);
        world_player_hears(&world, many, n, false);
        world_game_says(&world, many, n);
        world.conn.is_orphan = true;
        const unsigned wants = world_run(&world);
        assert_true(wants & RELAY_JUDGE);
        assert_false(wants & RELAY_POLL);
        world_player_hears(&world, many, n, false);
        assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_CUT);
        assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_OPEN);
        close(child);
        world_free(&world);
    }
    // Only the game's socket is its: the player is only silent. And an error is no end yet.
    make_linked(WORLD_PLAIN, 0);
    world.conn.is_orphan = true;
    relay_world_recv = failing(EINTR, 1);
    assert_int_equal(world_run_with(&world, RELAY_READ_PLAYER),
                     RELAY_READ_PLAYER | RELAY_READ_GAME | RELAY_POLL);
    assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_OPEN);
    world_player_says(&world, TEXT("one"));
    world_run_with(&world, RELAY_READ_PLAYER);
    assert_int_equal(world.conn.ready & RELAY_READ_PLAYER, 0);
    world_free(&world);
}

static void a_full_receive_is_followed_by_another(void **state)
{
    static const uint8_t many[CHUNK_BYTES + 1];
    (void)state;
    make_linked(WORLD_PLAIN, 0);
    world_player_says(&world, many, sizeof many);
    world.relay.work = 100;
    world_run_with(&world, RELAY_READ_PLAYER | RELAY_WRITE_GAME);
    assert_int_equal(world.relay.left[TO_GAME], 100 - 8 - 10 - 8);
    world_game_hears(&world, many, sizeof many, false);
    world_player_says(&world, many, 4096);
    world_run_with(&world, RELAY_READ_PLAYER | RELAY_WRITE_GAME);
    assert_int_equal(world.relay.left[TO_GAME], 100 - 8 - 2);
    world_game_hears(&world, many, 4096, false);
    world_player_says(&world, many, CHUNK_BYTES);
    relay_world_send = failing(EAGAIN, 1);
    assert_int_equal(world_run_with(&world, RELAY_READ_PLAYER | RELAY_WRITE_GAME),
                     RELAY_WRITE_GAME | RELAY_READ_GAME);
    assert_int_equal(world.conn.ready, RELAY_READ_PLAYER);
    // What is sent makes room to receive, in one run.
    world_player_says(&world, TEXT("x"));
    world_run_with(&world, RELAY_READ_PLAYER | RELAY_WRITE_GAME);
    assert_int_equal(world_now(&world, TO_GAME)->sent, 2 * CHUNK_BYTES + 4096 + 2);
    world_free(&world);
}

static void who_is_not_sent_to_keeps_nothing(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, 0);
    world.slot->flags |= SLOT_FLAG_ACKS;
    assert_true(relay_say(&world.relay, &(struct relay_words){.text = "a", .notice = 7}));
    world_player_says(&world, TEXT("one"));
    world_run(&world);
    assert_int_equal(world_now(&world, TO_GAME)->input.unacked, 3);
    relay_shut(&world.relay, TO_GAME);
    assert_int_equal(world_now(&world, TO_GAME)->input.unacked, 0);
    relay_shut(&world.relay, TO_PLAYER);
    assert_int_equal(world_now(&world, TO_PLAYER)->output.notice, 7);
    world_check(&world);
    world_free(&world);
    // With neither a game nor a player to hear anything it is over.
    make_linked(WORLD_PLAIN, 0);
    world_unlink(&world);
    relay_shut(&world.relay, TO_PLAYER);
    assert_int_equal(world_run(&world), RELAY_LINGER | RELAY_READ_PLAYER);
    world_free(&world);
}

static enum flow_dir ended[8];
static unsigned n_ended;

static void note_commit(const struct slot *slot, enum flow_dir dir)
{
    (void)slot;
    assert_in_range(n_ended, 0, 7);
    ended[n_ended++] = dir;
}

static void who_has_ended_lingers_to_the_end(void **state)
{
    static const uint8_t many[9 * 4096];
    (void)state;
    make_linked(WORLD_PLAIN, 0);
    n_ended = 0;
    relay_world_on_commit = note_commit;
    relay_end(&world.relay);
    relay_world_on_commit = NULL;
    assert_int_equal(n_ended, 2);
    assert_int_equal(ended[0], TO_PLAYER); // with a game that still listens it is half an end
    assert_true(relay_is_ended(world.slot));
    assert_true(world.slot->flags & SLOT_FLAG_WE_ENDED);
    world_player_says(&world, many, sizeof many);
    assert_int_equal(world_run(&world), RELAY_LINGER | RELAY_READ_PLAYER);
    world_player_hears(&world, "", 0, true);
    world_game_hears(&world, "", 0, true);
    uint8_t rest[sizeof many];
    assert_int_equal(recv(world.slot->player_fd, rest, sizeof rest, MSG_PEEK), 4096);
    assert_int_equal(world_run(&world), RELAY_LINGER | RELAY_READ_PLAYER);
    assert_int_equal(recv(world.slot->player_fd, rest, sizeof rest, 0), -1);
    relay_world_linger = failing(EINTR, 1);
    assert_int_equal(world_run(&world), RELAY_LINGER | RELAY_READ_PLAYER);
    relay_world_linger = failing(ECONNRESET, 1);
    assert_int_equal(world_run(&world), RELAY_DONE);
    shutdown(world.player, SHUT_WR);
    assert_int_equal(world_run(&world), RELAY_DONE);
    world_free(&world);
}

static void a_game_that_has_ended_may_still_listen(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, 0);
    shutdown(world.game, SHUT_WR);
    world_run(&world);
    relay_let_end(&world.relay);
    assert_int_equal(world_run(&world), RELAY_HALF | RELAY_READ_PLAYER);
    assert_true(world.slot->flags & SLOT_FLAG_GAME_ENDED);
    assert_false(relay_is_ended(world.slot));
    world_player_hears(&world, "", 0, true);
    world_player_says(&world, TEXT("heard"));
    world_run(&world);
    world_game_hears(&world, TEXT("heard"), false);
    world_player_says(&world, TEXT("unheard"));
    close(world.game);
    world.game = -1;
    assert_int_equal(world_run(&world), RELAY_LINGER | RELAY_READ_PLAYER);
    assert_int_equal(world.slot->flags & SLOT_FLAG_PLAYER_ENDED, 0);
    world_free(&world);
}

static void who_leaves_before_there_is_a_game_is_ended(void **state)
{
    (void)state;
    world_make(&world, WORLD_PLAIN, 0);
    assert_int_equal(world_run(&world), RELAY_READ_PLAYER);
    world.conn.has_left = true;
    assert_int_equal(world_run(&world), RELAY_READ_PLAYER | RELAY_LEFT);
    world.conn.has_left = false;
    world_player_says(&world, TEXT("words"));
    shutdown(world.player, SHUT_WR);
    world_run(&world);
    assert_int_equal(world_run(&world), RELAY_LEFT); // they wait for one
    assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_ENDING);
    n_ended = 0;
    relay_world_on_commit = note_commit;
    relay_drop(&world.relay);
    relay_world_on_commit = NULL;
    assert_int_equal(ended[0], TO_GAME);
    assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_SHUT);
    world_check(&world);
    assert_true(relay_is_ended(world.slot));
    assert_int_equal(world_run(&world), RELAY_DONE);
    assert_true(world.slot->flags & SLOT_FLAG_PLAYER_ENDED);
    assert_false(world.slot->flags & SLOT_FLAG_WE_ENDED);
    world_free(&world);

    world_make(&world, WORLD_PLAIN, 0);
    shutdown(world.player, SHUT_WR);
    assert_int_equal(world_run(&world), RELAY_LEFT | RELAY_POLL);
    assert_true(relay_is_ended(world.slot));
    assert_int_equal(world_run(&world), RELAY_DONE);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receive_that_is_not_now_waits_for_readiness),
        cmocka_unit_test(a_receive_that_fails_is_tried_once_more),
        cmocka_unit_test(short_memory_is_waited_for),
        cmocka_unit_test(a_send_that_fails_ends_what_is_sent),
        cmocka_unit_test(a_game_that_has_hung_up_is_found_out_by_reading),
        cmocka_unit_test(a_dead_games_words_are_read_to_their_end),
        cmocka_unit_test(a_full_receive_is_followed_by_another),
        cmocka_unit_test(who_is_not_sent_to_keeps_nothing),
        cmocka_unit_test(who_has_ended_lingers_to_the_end),
        cmocka_unit_test(a_game_that_has_ended_may_still_listen),
        cmocka_unit_test(who_leaves_before_there_is_a_game_is_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
