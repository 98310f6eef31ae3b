// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay with real sockets: the door, through which players come to the game.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "libstay_world.h"

#include <fcntl.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

// Nothing is left for the game to do, but what a timer brings now and then.
static bool is_quiet(struct stay *stay)
{
    struct stay_player player;
    for (int i = 0; i < 3 && is_readable(stay_fd(stay), 0); i++)
        assert_int_equal(stay_accept(stay, &player), 0);
    return !is_readable(stay_fd(stay), 0);
}

// Let the library work until the count has come up.
static void await_count(struct stay *stay, const uint64_t *count, struct stay_counts *counts)
{
    struct stay_player player;
    stay_counts(stay, counts);
    while (*count == 0 && is_readable(stay_fd(stay), PATIENCE_MS)) {
        assert_int_equal(stay_accept(stay, &player), 0);
        stay_counts(stay, counts);
    }
    assert_int_equal(*count, 1);
}

static void what_the_player_typed_stays_in_the_socket(void **state)
{
    (void)state;
    struct stay *stay = open_game(0, 0);
    struct stay_player player;
    char typed[8] = "";
    assert_non_null(stay);
    assert_int_equal(stay_how_started(stay), STAY_NOT_ASKED);
    assert_true(is_quiet(stay));
    int fd = connect_game();
    say(fd, header, N_HEADER);
    say(fd, "look\r\n", 6);
    assert_int_equal(await_player(stay, &player), 1);
    assert_string_equal(player.address, "192.0.2.7");
    assert_memory_equal(player.id, "0123456789abcdef", 16);
    assert_int_equal(player.origin, STAY_NEW);
    assert_int_equal(fcntl(player.fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(player.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(recv(player.fd, typed, sizeof typed, 0), 6);
    assert_memory_equal(typed, "look\r\n", 6);
    assert_int_equal(stay_accept(stay, &player), 0);
    assert_true(is_quiet(stay));
    close(player.fd);
    close(fd);
    stay_close(stay);
    assert_int_equal(access(in_directory("game.sock"), F_OK), -1);
}

static void a_header_byte_by_byte_holds_nobody_up(void **state)
{
    (void)state;
    struct stay *stay = open_game(0, 0);
    struct stay_player player;
    int slow = connect_game();
    for (size_t i = 0; i < N_HEADER - 1; i++) {
        say(slow, header + i, 1);
        assert_true(is_readable(stay_fd(stay), PATIENCE_MS));
        assert_int_equal(stay_accept(stay, &player), 0);
    }
    int quick = connect_game();
    say(quick, header, N_HEADER);
    say(quick, "q", 1);
    assert_int_equal(await_player(stay, &player), 1);
    char typed;
    assert_int_equal(recv(player.fd, &typed, 1, 0), 1);
    assert_int_equal(typed, 'q');
    close(player.fd);
    say(slow, header + N_HEADER - 1, 1);
    say(slow, "s", 1);
    assert_int_equal(await_player(stay, &player), 1);
    assert_int_equal(recv(player.fd, &typed, 1, 0), 1);
    assert_int_equal(typed, 's');
    close(player.fd);
    close(slow);
    close(quick);
    stay_close(stay);
}

static void who_says_nothing_in_time_is_closed(void **state)
{
    (void)state;
    struct stay *stay = open_game(50, 0);
    struct stay_counts counts;
    int fd = connect_game();
    say(fd, header, 20);
    await_count(stay, &counts.n_late, &counts);
    assert_closed(fd);
    assert_true(is_quiet(stay));
    stay_close(stay);
}

static void who_says_something_else_or_goes_is_closed(void **state)
{
    (void)state;
    struct stay *stay = open_game(0, 0);
    struct stay_counts counts;
    int forger = connect_game();
    say(forger, "connect One x\r\n", 15);
    await_count(stay, &counts.n_bad, &counts);
    assert_closed(forger);
    int fickle = connect_game();
    say(fickle, header, 20);
    close(fickle);
    await_count(stay, &counts.n_gone, &counts);
    assert_int_equal(counts.n_players, 0);
    stay_close(stay);
}

static void five_hundred_at_once_are_all_accepted(void **state)
{
    (void)state;
    enum { N = 500 };
    static int fds[N];
    struct stay *stay = open_game(0, 0);
    struct stay_player player;
    for (int i = 0; i < N; i++) {
        fds[i] = connect_game(); // none is refused: the backlog takes them all
        say(fds[i], header, N_HEADER);
    }
    int n = 0;
    for (; n < N && await_player(stay, &player) == 1; n++)
        close(player.fd);
    assert_int_equal(n, N);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    stay_close(stay);
}

static void another_user_is_closed_unheard(void **state)
{
    (void)state;
    enum { STAYD = 4201, STRANGER = 4202 };
    if (geteuid() != 0)
        skip();
    assert_int_equal(chmod(directory, 0711), 0);
    struct stay *stay = open_game(0, STAYD);
    struct stay_player player;
    struct stay_counts counts;
    uid_t users[] = {STRANGER, STAYD};
    int fds[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(seteuid(users[i]), 0);
        fds[i] = connect_game();
        assert_int_equal(seteuid(0), 0);
        say(fds[i], header, N_HEADER);
    }
    assert_int_equal(await_player(stay, &player), 1);
    stay_counts(stay, &counts);
    assert_int_equal(counts.n_strangers, 1);
    assert_closed(fds[0]);
    close(player.fd);
    close(fds[1]);
    stay_close(stay);
}

static void without_descriptors_accepting_pauses_and_goes_on(void **state)
{
    (void)state;
    struct stay *stay = open_game(0, 0);
    struct stay_player player;
    struct stay_counts counts;
    struct rlimit limit;
    int fd = connect_game();
    say(fd, header, N_HEADER);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    struct rlimit none = {.rlim_cur = (rlim_t)fd, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    await_count(stay, &counts.n_shortages, &counts);
    assert_true(is_quiet(stay)); // no spinning
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(await_player(stay, &player), 1);
    close(player.fd);
    close(fd);
    stay_close(stay);
}

static void a_resumed_players_state_lives_until_the_next_accept(void **state)
{
    (void)state;
    static const char resumed[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x37"
                                  "\xc0\x00\x02\x07\x7f\x00\x00\x01\xd4\x31\x10\x6a"
                                  "\x05\x00\x10"
                                  "0123456789abcdef"
                                  "\xe2\x00\x15\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x07"
                                  "state";
    struct stay *stay = open_game(0, 0);
    struct stay_player player;
    int fd = connect_game();
    say(fd, resumed, sizeof resumed - 1);
    assert_int_equal(await_player(stay, &player), 1);
    assert_int_equal(player.origin, STAY_RESUMED);
    assert_int_equal(player.n_input, 9);
    assert_int_equal(player.n_output, 7);
    assert_int_equal(player.n_state, 5);
    assert_memory_equal(player.state, "state", 5);
    close(player.fd);
    assert_int_equal(stay_accept(stay, &player), 0);
    close(fd);
    stay_close(stay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_player_typed_stays_in_the_socket),
        TEST(a_header_byte_by_byte_holds_nobody_up),
        TEST(who_says_nothing_in_time_is_closed),
        TEST(who_says_something_else_or_goes_is_closed),
        TEST(five_hundred_at_once_are_all_accepted),
        TEST(another_user_is_closed_unheard),
        TEST(without_descriptors_accepting_pauses_and_goes_on),
        TEST(a_resumed_players_state_lives_until_the_next_accept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
