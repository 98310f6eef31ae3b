// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay with a real control channel: what the game says to stayd.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "libstay_world.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void await_answers(struct stay *stay)
{
    struct stay_player player;
    while (stay_n_unanswered(stay) > 0 && is_readable(stay_fd(stay), PATIENCE_MS))
        assert_int_equal(stay_accept(stay, &player), 0);
    assert_int_equal(stay_n_unanswered(stay), 0);
}

static void the_game_attaches_before_it_listens(void **state)
{
    (void)state;
    pid_t control = start_control();
    struct stay *stay = open_able();
    assert_non_null(stay);
    assert_string_equal(what_was_said(), "shut attach test resume ack\n");
    stay_close(stay);
    end_control(control);
}

static void a_stayd_that_does_not_answer_delays_the_game_only_for_a_while(void **state)
{
    (void)state;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_directory("control.sock"));
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    struct stay *stay = open_able();
    assert_non_null(stay);
    close(connect_game());
    stay_close(stay);
    close(listener);
}

static void what_the_game_says_reaches_stayd(void **state)
{
    (void)state;
    pid_t control = start_control();
    struct stay *stay = open_able();
    struct stay_player player;
    int fd = connect_game();
    say(fd, header, N_HEADER);
    assert_int_equal(await_player(stay, &player), 1);
    assert_int_equal(stay_acknowledge(stay, &player, 3), 0);
    assert_int_equal(stay_leave(stay, &player, "old", 3), 0);
    assert_int_equal(stay_leave(stay, &player, "new", 3), 0);
    assert_int_equal(stay_acknowledge(stay, &player, 4), 0);
    assert_true(is_readable(stay_fd(stay), PATIENCE_MS)); // the loop will come to us
    await_answers(stay);
    assert_int_equal(stay_announce(stay, STAY_PLAN_REBOOT), 0); // its answer is lost
    assert_int_equal(stay_end(stay, &player, "Good-bye."), 0);
    close(player.fd);
    assert_false(is_readable(fd, 0)); // not the end, before stayd knows how it is to be
    await_answers(stay);
    assert_closed(fd);
    assert_string_equal(what_was_said(), "shut attach test resume ack\n"
                                         "open state " CONN " 6e6577\n"
                                         "open ack " CONN " 4\n"
                                         "open reboot test\n"
                                         "open attach test resume ack\n"
                                         "open reboot test\n"
                                         "open close " CONN " Good-bye.\n");
    stay_close(stay);
    end_control(control);
}

static void what_cannot_be_said_is_refused_at_once(void **state)
{
    (void)state;
    static char big[STAY_RESUME_BYTES + 1];
    struct stay *able = open_able();
    struct stay_player player = {.has_id = true};
    struct stay_player nameless = {0};
    assert_int_equal(stay_leave(able, &player, big, sizeof big), -1);
    assert_int_equal(errno, EMSGSIZE);
    assert_int_equal(stay_leave(able, &nameless, big, 1), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(stay_acknowledge(able, &nameless, 1), -1);
    assert_int_equal(stay_end(able, &nameless, NULL), -1);
    assert_int_equal(stay_end(able, &player, "two\nlines"), -1);
    assert_int_equal(errno, EINVAL);
    assert_int_equal(stay_announce(able, (enum stay_plan)7), -1);
    assert_int_equal(stay_n_unanswered(able), 0);
    assert_int_equal(stay_leave(able, &player, big, sizeof big - 1), 0); // nobody there: it waits
    assert_int_equal(stay_end(able, &player, NULL), 0);
    assert_int_equal(stay_n_unanswered(able), 1);
    stay_close(able);
    struct stay *unable = open_game(0, 0);
    assert_int_equal(stay_leave(unable, &player, big, 1), -1);
    assert_int_equal(stay_acknowledge(unable, &player, 1), -1);
    stay_close(unable);
    struct stay_options options = {
        .game = "test", .directory = directory, .control = "/run/stayd/control.sock"};
    assert_null(stay_open(&options, open_error, sizeof open_error));
    assert_non_null(strstr(open_error, "started by somebody else"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_game_attaches_before_it_listens),
        TEST(a_stayd_that_does_not_answer_delays_the_game_only_for_a_while),
        TEST(what_the_game_says_reaches_stayd),
        TEST(what_cannot_be_said_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
