// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay in a game that becomes another program. This test is that game too: with "after-exec" as
// its first argument it is the program that takes over.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "libstay_world.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_failed_exec_leaves_everything_as_it_was(void **state)
{
    (void)state;
    struct stay *stay = open_game(0, 0);
    struct stay_player player;
    int fd = connect_game();
    say(fd, header, N_HEADER);
    assert_int_equal(await_player(stay, &player), 1);
    int pending = connect_game();
    say(pending, header, 20);
    assert_int_equal(stay_accept(stay, &(struct stay_player){0}), 0);
    assert_int_equal(stay_keep(stay, &player, "state", 5), 0);
    char *argv[] = {"nothing", NULL};
    assert_int_equal(stay_exec(stay, "/no/such/program", argv), -1);
    assert_int_equal(errno, ENOENT);
    assert_null(getenv("STAY_CARRY"));
    assert_int_equal(fcntl(player.fd, F_GETFD), FD_CLOEXEC);
    say(fd, "x", 1);
    char byte;
    assert_int_equal(recv(player.fd, &byte, 1, 0), 1);
    close(player.fd);
    say(pending, header + 20, N_HEADER - 20);
    assert_int_equal(await_player(stay, &player), 1);
    close(player.fd);
    close(pending);
    close(fd);
    stay_close(stay);
}

// The program after exec: gives each player its own state back, then one line of what it types.
static int after_exec(const char *where)
{
    snprintf(directory, sizeof directory, "%s", where);
    struct stay *stay = open_able();
    struct stay_player player;
    size_t n_state;
    if (stay == NULL || stay_how_started(stay) != STAY_KEPT)
        return 2;
    if (stay_n_unanswered(stay) != 3) // nobody was there to answer before
        return 7;
    const char *game = stay_game_state(stay, &n_state);
    if (n_state != 4 || memcmp(game, "game", 4) != 0)
        return 3;
    for (int n = 0; n < 4 && await_player(stay, &player) == 1; n++) {
        char typed[64];
        bool is_kept = player.origin == STAY_REBOOTED && strcmp(player.address, "192.0.2.7") == 0;
        send(player.fd, is_kept ? player.state : "new", is_kept ? player.n_state : 3, 0);
        ssize_t n_typed = is_readable(player.fd, PATIENCE_MS) ? recv(player.fd, typed, 64, 0) : -1;
        if (n_typed <= 0 || fcntl(player.fd, F_GETFD) != FD_CLOEXEC)
            return 4;
        send(player.fd, typed, (size_t)n_typed, 0);
        close(player.fd);
    }
    stay_close(stay);
    return 0;
}

// The program before exec: takes two players, and before them one who says only half of who it is.
static void before_exec(void)
{
    struct stay *stay = open_able();
    struct stay_player player[2];
    char *argv[] = {"game", "after-exec", directory, NULL};
    for (int i = 0; i < 2; i++)
        if (await_player(stay, &player[i]) != 1)
            _exit(5);
    stay_keep(stay, NULL, "game", 4);
    stay_leave(stay, &player[0], "left", 4);
    stay_acknowledge(stay, &player[0], 4);
    stay_end(stay, &(struct stay_player){.has_id = true}, "Good-bye.");
    stay_announce(stay, STAY_PLAN_REBOOT);
    stay_keep(stay, &player[0], "first", 5);
    stay_keep(stay, &player[1], "second", 6);
    stay_exec(stay, "/proc/self/exe", argv);
    _exit(6);
}

static void assert_hears(int fd, const char *text)
{
    char heard[64] = "";
    size_t n = 0;
    while (n < strlen(text) && is_readable(fd, PATIENCE_MS)) {
        ssize_t n_more = recv(fd, heard + n, sizeof heard - 1 - n, 0);
        assert_true(n_more > 0);
        n += (size_t)n_more;
    }
    assert_string_equal(heard, text);
}

static void players_are_carried_over_exec(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        before_exec();
    while (access(in_directory("game.sock"), F_OK) != 0)
        usleep(1000);
    int player[4];
    static const size_t n_said[] = {20, N_HEADER, N_HEADER};
    for (int i = 0; i < 3; i++) {
        player[i] = connect_game();
        say(player[i], header, n_said[i]);
    }
    say(player[1], "one\n", 4); // before or after exec: it is in the socket
    assert_hears(player[1], "firstone\n");
    say(player[2], "two\n", 4);
    assert_hears(player[2], "secondtwo\n");
    say(player[0], header + 20, N_HEADER - 20);
    say(player[0], "three\n", 6);
    assert_hears(player[0], "newthree\n");
    pid_t control = start_control(); // only now: what was asked before exec is asked again
    while (access(in_directory("said"), F_OK) != 0 || strstr(what_was_said(), "ack 30") == NULL)
        usleep(1000);
    assert_string_equal(what_was_said(), "open attach test resume ack\n"
                                         "open close 00000000000000000000000000000000 Good-bye.\n"
                                         "open state " CONN " 6c656674\nopen ack " CONN " 4\n");
    end_control(control);
    player[3] = connect_game(); // the listening socket was carried, too
    say(player[3], header, N_HEADER);
    say(player[3], "four\n", 5);
    assert_hears(player[3], "newfour\n");
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    for (int i = 0; i < 4; i++)
        close(player[i]);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "after-exec") == 0)
        return after_exec(argv[2]);
    const struct CMUnitTest tests[] = {
        TEST(a_failed_exec_leaves_everything_as_it_was),
        TEST(players_are_carried_over_exec),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
