// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay with real sockets and processes: a game's start, and stayd's by it. A shell script stands
// in for stayd.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "libstay_world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_dead_games_socket_is_replaced_a_living_games_is_not(void **state)
{
    (void)state;
    struct stay *stay = open_game(0, 0);
    assert_non_null(stay);
    struct stat status;
    assert_int_equal(stat(in_directory("game.sock"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_null(open_game(0, 0));
    assert_non_null(strstr(open_error, "running already"));
    close(connect_game()); // still listening there
    stay_close(stay);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_directory("game.sock"));
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd); // as after a crash: the file is there, nobody listens
    stay = open_game(0, 0);
    assert_non_null(stay);
    close(connect_game());
    stay_close(stay);
}

static void what_cannot_be_a_run_directory_is_said(void **state)
{
    (void)state;
    assert_int_equal(chmod(directory, 0777), 0);
    assert_null(open_game(0, 0));
    assert_non_null(strstr(open_error, "others can write"));
    assert_int_equal(chmod(directory, 0700), 0);
    int fd = open(in_directory("game.sock"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    assert_null(open_game(0, 0));
    assert_non_null(strstr(open_error, "not a socket"));
    struct stay_options relative = {.game = "test", .directory = "run"};
    assert_null(stay_open(&relative, open_error, sizeof open_error));
}

static struct stay *open_with_stayd(const char *script)
{
    const char *stayd = in_directory("stayd");
    FILE *file = fopen(stayd, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    assert_int_equal(fchmod(fileno(file), 0700), 0);
    fclose(file);
    struct stay_options options = {.game = "test", .directory = directory, .stayd = stayd};
    return stay_open(&options, open_error, sizeof open_error);
}

static void stayd_is_started_with_its_configuration_and_nothing_of_ours(void **state)
{
    (void)state;
    int inherited = dup2(2, 77); // not close-on-exec, as careless games have them
    signal(SIGCHLD, SIG_IGN);
    struct stay *stay = open_with_stayd("[ -e /proc/$$/fd/77 ] && echo inherited >&2\n"
                                        "echo \"$1 $3 $(pwd) $(stat -c %a $2)\" >&2\n"
                                        "[ $(ps -o sid= $$) = $$ ] && grep control $2 >&2");
    signal(SIGCHLD, SIG_DFL);
    assert_non_null(stay);
    assert_int_equal(stay_how_started(stay), STAY_STARTED);
    char wanted[256];
    snprintf(wanted, sizeof wanted, "-c --daemon / 600\ncontrol = %s/control.sock\n", directory);
    assert_string_equal(stay_remarks(stay), wanted);
    stay_close(stay);
    close(inherited);
}

static void why_stayd_does_not_start_is_said_in_its_own_words(void **state)
{
    (void)state;
    assert_null(open_with_stayd("echo 'stayd.conf:7: no such option' >&2; exit 1"));
    assert_string_equal(open_error, "stayd.conf:7: no such option\n");
    assert_null(open_with_stayd("kill -9 $$"));
    assert_non_null(strstr(open_error, "signal 9"));
    struct stay_options options = {.game = "test", .directory = directory, .stayd = "/no/stayd"};
    assert_null(stay_open(&options, open_error, sizeof open_error));
    assert_non_null(strstr(open_error, "/no/stayd"));
    assert_int_equal(access(in_directory("game.sock"), F_OK), -1);
}

// A process that holds stayd's lock until SIGTERM, as the guard does. Returns its pid.
static pid_t hold_stayds_lock(void)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    const char *path = in_directory("control.sock.lock");
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        bool is_held = flock(fd, LOCK_EX | LOCK_NB) == 0 && dprintf(fd, "%d\n", getpid()) > 0;
        if (is_held && write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    char byte;
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    close(ready[1]);
    return pid;
}

static void a_stayd_that_runs_is_found_and_can_be_stopped(void **state)
{
    (void)state;
    struct stay *stay = open_with_stayd("exit 0");
    assert_non_null(stay);
    assert_false(stay_is_running(stay));
    assert_int_equal(stay_stop(stay), -1);
    assert_int_equal(errno, ESRCH);
    stay_close(stay);
    pid_t guard = hold_stayds_lock();
    stay = open_with_stayd("exit 1"); // would fail, were it run
    assert_non_null(stay);
    assert_int_equal(stay_how_started(stay), STAY_FOUND);
    assert_true(stay_is_running(stay));
    stay_close(stay);
    struct stay_setting setting = {"stayd", "max-players", "7"};
    struct stay_options options = {
        .game = "test", .directory = directory, .settings = &setting, .n_settings = 1};
    stay = stay_open(&options, open_error, sizeof open_error);
    assert_non_null(stay);
    assert_int_equal(stay_how_started(stay), STAY_FOUND_DIFFERENT);
    int status;
    assert_int_equal(stay_stop(stay), 0);
    assert_int_equal(waitpid(guard, &status, 0), guard);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_false(stay_is_running(stay));
    stay_close(stay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_dead_games_socket_is_replaced_a_living_games_is_not),
        TEST(what_cannot_be_a_run_directory_is_said),
        TEST(stayd_is_started_with_its_configuration_and_nothing_of_ours),
        TEST(why_stayd_does_not_start_is_said_in_its_own_words),
        TEST(a_stayd_that_runs_is_found_and_can_be_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
