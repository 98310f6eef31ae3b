// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayd's own words to a player, and what passes by telnet and HTTP (relay/words.c, relay/follow.c),
// also where room is short (relay/output.c).
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

static const struct relay_words notice = {.text = "hello", .notice = 7};
static const struct relay_words last = {.text = "bye", .are_last = true};
static struct relay_world world;

static void make_linked(enum relay_world_kind kind, uint32_t flags)
{
    world_make(&world, kind, flags);
    world_link(&world, false, 0);
}

static void words_begin_on_a_line_of_their_own(void **state)
{
    (void)state;
    for (int kind = WORLD_PLAIN; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, SLOT_FLAG_TELNET);
        assert_true(relay_say(&world.relay, &notice));
        world_check(&world);
        assert_int_equal(world_now(&world, TO_PLAYER)->output.notice, 7);
        assert_int_equal(world_now(&world, TO_PLAYER)->received, 7);
        world_run(&world);
        world_game_says(&world, TEXT("begun"));
        world_run(&world);
        assert_true(relay_say(&world.relay, &(struct relay_words){.text = "hello"}));
        assert_int_equal(world_now(&world, TO_PLAYER)->output.notice, 7); // no token
        world_run(&world);
        world_player_hears(&world, TEXT("hello\r\nbegun\r\nhello\r\n"), false);
        assert_int_equal(relay_output_offset(world.slot), 5);
        assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_OPEN);
        world_free(&world);
    }
}

static void words_wait_for_the_end_of_a_command(void **state)
{
    static const char *const begun[] = {"\377", "\377\372\30", "\33", "\33[1", "\303"};
    (void)state;
    for (size_t i = 0; i < sizeof begun / sizeof *begun; i++) {
        for (int is_sealed = 0; is_sealed < 2; is_sealed++) {
            make_linked(WORLD_TLS13, SLOT_FLAG_TELNET);
            world_game_says(&world, begun[i], strlen(begun[i]));
            world.relay.work = is_sealed ? RELAY_WORK_ALL : 1; // it is received only
            world_run(&world);
            assert_int_equal(world_now(&world, TO_PLAYER)->in.chunk == CHUNK_NONE, is_sealed);
            const unsigned n = relay_world_n_commits;
            assert_false(relay_say(&world.relay, &notice));
            assert_int_equal(relay_world_n_commits, n);
            world_check(&world);
            world_free(&world);
        }
    }
    // Without telnet there are no commands.
    make_linked(WORLD_TLS13, 0);
    world_game_says(&world, TEXT("\377"));
    world_player_says(&world, TEXT("\377\375\126"));
    world.relay.work = 1;
    world_run(&world);
    assert_true(relay_say(&world.relay, &notice));
    world.relay.work = RELAY_WORK_ALL;
    world_run(&world);
    world_game_hears(&world, TEXT("\377\375\126"), false);
    world_player_hears(&world, TEXT("\377hello\r\n"), false);
    world_free(&world);
    make_linked(WORLD_TLS13, SLOT_FLAG_TELNET | SLOT_FLAG_MAY_COMPRESS);
    world_game_says(&world, TEXT("\377\372\126\377\360"));
    world_run(&world);
    assert_true(world_now(&world, TO_PLAYER)->telnet.flags & TELNET_COMPRESSED);
    assert_false(relay_say(&world.relay, &notice));
    world_free(&world);
}

static void words_change_flags_with_the_same_commit(void **state)
{
    const struct relay_words back = {.text = "", .clear = FLOW_AWAY, .set = FLOW_CLOSE_SEALED};
    (void)state;
    world_make(&world, WORLD_PLAIN, 0);
    assert_true(relay_say(&world.relay, &(struct relay_words){.text = "a", .set = FLOW_AWAY}));
    assert_int_equal(world_now(&world, TO_PLAYER)->flags, FLOW_AWAY);
    world_run(&world);
    const uint64_t received = world_now(&world, TO_PLAYER)->received;
    relay_world_n_commits = 0;
    assert_true(relay_say(&world.relay, &back));
    assert_int_equal(relay_world_n_commits, 1);
    assert_int_equal(world_now(&world, TO_PLAYER)->flags, FLOW_CLOSE_SEALED);
    assert_int_equal(world_now(&world, TO_PLAYER)->received, received);
    world_check(&world);
    world_free(&world);
}

// First the player is told that the game is back.
static void who_is_to_be_told_first_hears_no_game(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, 0);
    assert_true(relay_say(&world.relay, &(struct relay_words){.text = "a", .set = FLOW_AWAY}));
    world_game_says(&world, TEXT("b"));
    assert_int_equal(world_run(&world), RELAY_READ_PLAYER);
    world_player_hears(&world, TEXT("a\r\n"), false);
    assert_true(relay_say(&world.relay, &(struct relay_words){.text = "", .clear = FLOW_AWAY}));
    world_run(&world);
    world_player_hears(&world, TEXT("b"), false);
    world_free(&world);
}

static void words_need_room_and_memory(void **state)
{
    static const uint8_t many[CHUNK_BYTES];
    (void)state;
    for (unsigned left = 6; left <= 7; left++) {
        make_linked(WORLD_PLAIN, 0);
        world_game_says(&world, many, CHUNK_BYTES - left);
        relay_world_send = failing(EAGAIN, 100);
        world_run(&world);
        assert_int_equal(relay_say(&world.relay, &notice), left == 7);
        world_check(&world);
        relay_world_send.n = 0;
        world_free(&world);
    }
    make_linked(WORLD_PLAIN, 0);
    relay_world_memory = failing(ENOMEM, 1);
    assert_false(relay_say(&world.relay, &notice));
    assert_int_equal(world_now(&world, TO_PLAYER)->output.notice, 0);
    assert_true(relay_say(&world.relay, &notice));
    world_check(&world);
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

static void last_words_are_said_when_the_game_has_ended(void **state)
{
    (void)state;
    for (int kind = WORLD_PLAIN; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, 0);
        shutdown(world.game, SHUT_WR);
        world_run(&world);
        assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_CUT);
        assert_false(relay_say(&world.relay, &notice));
        relay_end_saying(&world.relay, "bye");
        world_check(&world);
        assert_true(relay_is_ended(world.slot));
        assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_ENDING);
        world_run(&world);
        world_player_hears(&world, TEXT("bye\r\n"), true);
        assert_false(relay_say(&world.relay, &last)); // it is over
        world_free(&world);

        make_linked((enum relay_world_kind)kind, 0);
        assert_true(relay_say(&world.relay, &last));
        assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_ENDING); // one commit
        assert_int_equal(world_now(&world, TO_GAME)->phase, FLOW_OPEN);
        world_free(&world);

        make_linked((enum relay_world_kind)kind, 0);
        n_ended = 0;
        relay_world_on_commit = note_commit;
        relay_end_saying(&world.relay, "bye");
        relay_world_on_commit = NULL;
        assert_int_equal(n_ended, 2);
        assert_int_equal(ended[0], TO_GAME); // so it is seen that the words are said
        assert_true(world.slot->flags & SLOT_FLAG_WE_ENDED);
        world_run(&world);
        world_player_hears(&world, TEXT("bye\r\n"), true);
        world_game_hears(&world, "", 0, true);
        world_free(&world);
    }
    // Behind a close_notify that waits to be sent nothing is said.
    make_linked(WORLD_TLS13, 0);
    relay_let_end(&world.relay);
    relay_world_send = failing(EAGAIN, 1);
    world_run(&world);
    assert_true(world_now(&world, TO_PLAYER)->flags & FLOW_CLOSE_SEALED);
    assert_int_equal(world_now(&world, TO_PLAYER)->phase, FLOW_ENDING);
    assert_false(relay_say(&world.relay, &last));
    world_run(&world);
    world_player_hears(&world, "", 0, true);
    world_free(&world);
}

static void into_http_no_words_go(void **state)
{
    (void)state;
    for (int kind = WORLD_PLAIN; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, SLOT_FLAG_TELNET);
        assert_false(relay_is_http(world.slot));
        world_player_says(&world, TEXT("GET / HTTP/1.1\r\n\377\373\126\r\n"));
        world_game_says(&world, TEXT("HTTP/1.1 200 OK\r\n\377\373\126"));
        world_run(&world);
        assert_true(relay_is_http(world.slot));
        world_game_hears(&world, TEXT("GET / HTTP/1.1\r\n\377\373\126\r\n"), false);
        world_player_hears(&world, TEXT("HTTP/1.1 200 OK\r\n\377\373\126"), false);
        assert_true(relay_say(&world.relay, &notice));
        assert_int_equal(world_now(&world, TO_PLAYER)->output.notice, 7);
        assert_int_equal(world_now(&world, TO_PLAYER)->http, HTTP_SEEN);
        relay_end_saying(&world.relay, "bye");
        world_run(&world);
        world_player_hears(&world, "", 0, true);
        world_free(&world);
    }
    // Who has heard words has no HTTP.
    for (unsigned telnet = 0; telnet < 2; telnet++) {
        make_linked(WORLD_PLAIN, telnet ? SLOT_FLAG_TELNET : 0);
        relay_say(&world.relay, &notice);
        assert_int_equal(world_now(&world, TO_PLAYER)->http, HTTP_NOT);
        world_player_says(&world, TEXT("GET / HTTP/1.1\r\n"));
        world_run(&world);
        assert_false(relay_is_http(world.slot));
        world_free(&world);
    }
    // Without telnet it is HTTP all the same.
    for (int kind = WORLD_PLAIN; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, 0);
        world_player_says(&world, TEXT("GET / HTTP/1.1\r\n\377\375\126"));
        world_run(&world);
        assert_true(relay_is_http(world.slot));
        world_game_hears(&world, TEXT("GET / HTTP/1.1\r\n\377\375\126"), false);
        world_free(&world);
    }
}

// Who claims to speak HTTP must not say by telnet where it is.
static void http_of_a_guarded_player_is_followed(void **state)
{
    static const uint32_t guards[] = {0, SLOT_FLAG_MNES, SLOT_FLAG_FORWARDED};
    (void)state;
    for (size_t i = 0; i < sizeof guards / sizeof *guards; i++) {
        make_linked(WORLD_PLAIN, SLOT_FLAG_TELNET | guards[i]);
        world_player_says(&world, TEXT("GET / HTTP/1.1\r\n\377\373\126"));
        world_run(&world);
        // The game has not answered.
        world_game_hears(&world, "GET / HTTP/1.1\r\n\377\373\126", guards[i] ? 16 : 19, false);
        world_game_says(&world, TEXT("HTTP/1.1 101 Switching\r\n"));
        world_run(&world);
        world_player_says(&world, TEXT("\377\373\126"));
        world_run(&world);
        world_game_hears(&world, TEXT("\377\373\126"), false);
        world_free(&world);
    }
    // What is held back goes on with telnet.
    make_linked(WORLD_PLAIN, SLOT_FLAG_TELNET | SLOT_FLAG_MNES);
    world_player_says(&world, TEXT("GET / HTTP/1.1\r\n\377"));
    world_run(&world);
    world_game_says(&world, TEXT("HTTP/1.1 101 Switching\r\n"));
    world_run(&world);
    world_player_says(&world, TEXT("\373\126x"));
    world_run(&world);
    world_game_hears(&world, TEXT("GET / HTTP/1.1\r\nx"), false);
    world_free(&world);
}

static void who_speaks_http_is_refused_nothing(void **state)
{
    (void)state;
    make_linked(WORLD_PLAIN, SLOT_FLAG_TELNET | SLOT_FLAG_MNES);
    world_player_says(&world, TEXT("GET / HTTP/1.1\r\n\377\375\126"));
    world_run(&world);
    assert_int_not_equal(world_now(&world, TO_GAME)->telnet.refused, 0);
    world_player_hears(&world, "", 0, false);
    world_free(&world);
}

static void mccp_is_refused_once_between_commands(void **state)
{
    (void)state;
    for (int kind = WORLD_PLAIN; kind <= WORLD_TLS13; kind++) {
        make_linked((enum relay_world_kind)kind, SLOT_FLAG_TELNET);
        world_game_says(&world, TEXT("\377"));
        world_run(&world);
        world_player_says(&world, TEXT("\377\375\126"));
        world_run(&world);
        world_game_hears(&world, "", 0, false);
        world_player_hears(&world, "", 0, false);
        world_game_says(&world, TEXT("\371"));
        world_run(&world);
        world_player_hears(&world, TEXT("\377\371\377\374\126"), false);
        world_run(&world);
        world_player_hears(&world, "", 0, false);
        world_free(&world);
    }
}

static void what_is_held_back_has_room(void **state)
{
    static uint8_t many[CHUNK_BYTES];
    (void)state;
    make_linked(WORLD_PLAIN, SLOT_FLAG_TELNET);
    memset(many, 'm', sizeof many);
    many[CHUNK_BYTES - 2] = 255;
    many[CHUNK_BYTES - 1] = 251;
    relay_world_send = failing(EAGAIN, 1);
    world_game_says(&world, many, sizeof many);
    world_run(&world);
    world_game_says(&world, TEXT("\1ab"));
    world_run(&world);
    const uint8_t *text;
    bool is_end;
    assert_int_equal(world_player_reads(&world, &text, &is_end), CHUNK_BYTES + 3);
    assert_memory_equal(text + CHUNK_BYTES - 2, "\377\373\1ab", 5);
    world_free(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_begin_on_a_line_of_their_own),
        cmocka_unit_test(words_wait_for_the_end_of_a_command),
        cmocka_unit_test(words_change_flags_with_the_same_commit),
        cmocka_unit_test(who_is_to_be_told_first_hears_no_game),
        cmocka_unit_test(words_need_room_and_memory),
        cmocka_unit_test(last_words_are_said_when_the_game_has_ended),
        cmocka_unit_test(into_http_no_words_go),
        cmocka_unit_test(http_of_a_guarded_player_is_followed),
        cmocka_unit_test(who_speaks_http_is_refused_nothing),
        cmocka_unit_test(mccp_is_refused_once_between_commands),
        cmocka_unit_test(what_is_held_back_has_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
