// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay with real sockets and processes: the door, stayd's start (a shell script stands in for
// stayd; a child of this test plays its control channel), and a game that becomes another program.
// This test is that game too: with "after-exec" as its first argument it is the program that takes
// over.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "stay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x1f"
                             "\xc0\x00\x02\x07\x7f\x00\x00\x01\xd4\x31\x10\x6a"
                             "\x05\x00\x10"
                             "0123456789abcdef";

enum { N_HEADER = sizeof header - 1, PATIENCE_MS = 60000 };

static char directory[64];
static char path[108]; // as long as a socket's name can be
static char error[STAY_ERROR_BYTES];

static const char *in_directory(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/libstay-test-XXXXXX");
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    static const char *const names[] = {
        "game.sock", "game.lock",    "stayd.conf", "control.sock.lock",
        "stayd",     "control.sock", "said",       "stayd.conf.former"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        unlink(in_directory(names[i]));
    }
    return rmdir(directory);
}

static struct stay *open_game(unsigned timeout_ms, uid_t user)
{
    struct stay_options options = {.game = "test",
                                   .directory = directory,
                                   .stayd = "",
                                   .stayd_user = user,
                                   .header_timeout_ms = timeout_ms};
    return stay_open(&options, error, sizeof error);
}

static int connect_game(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_directory("game.sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void say(int fd, const void *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

static bool is_readable(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, timeout_ms) == 1;
}

// The next player, waited for.
static int await_player(struct stay *stay, struct stay_player *player)
{
    while (is_readable(stay_fd(stay), PATIENCE_MS)) {
        if (stay_accept(stay, player) > 0) {
            return 1;
        }
    }
    return 0;
}

// Nothing is left for the game to do, but what a timer brings now and then.
static bool is_quiet(struct stay *stay)
{
    struct stay_player player;
    for (int i = 0; i < 3 && is_readable(stay_fd(stay), 0); i++) {
        assert_int_equal(stay_accept(stay, &player), 0);
    }
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

static void assert_closed(int fd)
{
    char byte;
    assert_true(is_readable(fd, PATIENCE_MS));
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
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
    for (; n < N && await_player(stay, &player) == 1; n++) {
        close(player.fd);
    }
    assert_int_equal(n, N);
    for (int i = 0; i < N; i++) {
        close(fds[i]);
    }
    stay_close(stay);
}

static void another_user_is_closed_unheard(void **state)
{
    (void)state;
    enum { STAYD = 4201, STRANGER = 4202 };
    if (geteuid() != 0) {
        skip();
    }
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

static void a_dead_games_socket_is_replaced_a_living_games_is_not(void **state)
{
    (void)state;
    struct stay *stay = open_game(0, 0);
    assert_non_null(stay);
    struct stat status;
    assert_int_equal(stat(in_directory("game.sock"), &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_null(open_game(0, 0));
    assert_non_null(strstr(error, "running already"));
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
    assert_non_null(strstr(error, "others can write"));
    assert_int_equal(chmod(directory, 0700), 0);
    int fd = open(in_directory("game.sock"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(fd);
    assert_null(open_game(0, 0));
    assert_non_null(strstr(error, "not a socket"));
    struct stay_options relative = {.game = "test", .directory = "run"};
    assert_null(stay_open(&relative, error, sizeof error));
}

static struct stay *open_with_stayd(const char *script)
{
    FILE *file = fopen(in_directory("stayd"), "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    assert_int_equal(fchmod(fileno(file), 0700), 0);
    fclose(file);
    struct stay_options options = {.game = "test", .directory = directory, .stayd = path};
    return stay_open(&options, error, sizeof error);
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
    assert_string_equal(error, "stayd.conf:7: no such option\n");
    assert_null(open_with_stayd("kill -9 $$"));
    assert_non_null(strstr(error, "signal 9"));
    struct stay_options options = {.game = "test", .directory = directory, .stayd = "/no/stayd"};
    assert_null(stay_open(&options, error, sizeof error));
    assert_non_null(strstr(error, "/no/stayd"));
    assert_int_equal(access(in_directory("game.sock"), F_OK), -1);
}

// A process that holds stayd's lock until SIGTERM, as the guard does. Returns its pid.
static pid_t hold_stayds_lock(void)
{
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    in_directory("control.sock.lock");
    pid_t pid = fork();
    if (pid == 0) {
        int fd = open(path, O_RDWR | O_CREAT, 0600);
        bool is_held = flock(fd, LOCK_EX | LOCK_NB) == 0 && dprintf(fd, "%d\n", getpid()) > 0;
        if (is_held && write(ready[1], "", 1) == 1) {
            pause();
        }
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
    stay = stay_open(&options, error, sizeof error);
    assert_non_null(stay);
    assert_int_equal(stay_how_started(stay), STAY_FOUND_DIFFERENT);
    int status;
    assert_int_equal(stay_stop(stay), 0);
    assert_int_equal(waitpid(guard, &status, 0), guard);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    assert_false(stay_is_running(stay));
    stay_close(stay);
}

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

// stayd's control channel, played by a child. What it was asked, without the ids, goes into the
// file "said", and whether the game listened then.
static void play_control(int listener)
{
    FILE *said = fopen(in_directory("said"), "a");
    for (bool has_died = false;;) {
        int fd = accept(listener, NULL, NULL);
        FILE *in = fdopen(fd, "r");
        char line[STAY_ERROR_BYTES];
        dprintf(fd, "stayd 1 test\n");
        while (fgets(line, sizeof line, in) != NULL) {
            char *words = strchr(line, ' ');
            bool is_open = access(in_directory("game.sock"), F_OK) == 0;
            fprintf(said, "%s%s", is_open ? "open" : "shut", words);
            fflush(said);
            if (!has_died && strcmp(words, " reboot test\n") == 0) {
                has_died = true; // the worker, before it has answered
                break;
            }
            dprintf(fd, "%.*s ok\n", (int)(words - line), line);
        }
        fclose(in);
    }
}

static pid_t start_control(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_directory("control.sock"));
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        play_control(listener);
        _exit(0);
    }
    close(listener);
    return pid;
}

static void end_control(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static const char *what_was_said(void)
{
    static char said[STAY_ERROR_BYTES];
    FILE *file = fopen(in_directory("said"), "r");
    assert_non_null(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return said;
}

static struct stay *open_able(void)
{
    struct stay_options options = {
        .game = "test", .directory = directory, .stayd = "", .resumes = true, .acknowledges = true};
    return stay_open(&options, error, sizeof error);
}

static void await_answers(struct stay *stay)
{
    struct stay_player player;
    while (stay_n_unanswered(stay) > 0 && is_readable(stay_fd(stay), PATIENCE_MS)) {
        assert_int_equal(stay_accept(stay, &player), 0);
    }
    assert_int_equal(stay_n_unanswered(stay), 0);
}

#define CONN "30313233343536373839616263646566"

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
    assert_null(stay_open(&options, error, sizeof error));
    assert_non_null(strstr(error, "started by somebody else"));
}

// The program after exec: gives each player its own state back, then one line of what it types.
static int after_exec(const char *where)
{
    snprintf(directory, sizeof directory, "%s", where);
    struct stay *stay = open_able();
    struct stay_player player;
    size_t n_state;
    if (stay == NULL || stay_how_started(stay) != STAY_KEPT) {
        return 2;
    }
    if (stay_n_unanswered(stay) != 3) { // nobody was there to answer before
        return 7;
    }
    const char *game = stay_game_state(stay, &n_state);
    if (n_state != 4 || memcmp(game, "game", 4) != 0) {
        return 3;
    }
    for (int n = 0; n < 4 && await_player(stay, &player) == 1; n++) {
        char typed[64];
        bool is_kept = player.origin == STAY_REBOOTED && strcmp(player.address, "192.0.2.7") == 0;
        send(player.fd, is_kept ? player.state : "new", is_kept ? player.n_state : 3, 0);
        ssize_t n_typed = is_readable(player.fd, PATIENCE_MS) ? recv(player.fd, typed, 64, 0) : -1;
        if (n_typed <= 0 || fcntl(player.fd, F_GETFD) != FD_CLOEXEC) {
            return 4;
        }
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
    for (int i = 0; i < 2; i++) {
        if (await_player(stay, &player[i]) != 1) {
            _exit(5);
        }
    }
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
    if (pid == 0) {
        before_exec();
    }
    while (access(in_directory("game.sock"), F_OK) != 0) {
        usleep(1000);
    }
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
    while (access(in_directory("said"), F_OK) != 0 || strstr(what_was_said(), "ack 30") == NULL) {
        usleep(1000);
    }
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
    for (int i = 0; i < 4; i++) {
        close(player[i]);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_directory, remove_directory)

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "after-exec") == 0) {
        return after_exec(argv[2]);
    }
    const struct CMUnitTest tests[] = {
        TEST(what_the_player_typed_stays_in_the_socket),
        TEST(a_header_byte_by_byte_holds_nobody_up),
        TEST(who_says_nothing_in_time_is_closed),
        TEST(who_says_something_else_or_goes_is_closed),
        TEST(five_hundred_at_once_are_all_accepted),
        TEST(another_user_is_closed_unheard),
        TEST(without_descriptors_accepting_pauses_and_goes_on),
        TEST(a_dead_games_socket_is_replaced_a_living_games_is_not),
        TEST(what_cannot_be_a_run_directory_is_said),
        TEST(stayd_is_started_with_its_configuration_and_nothing_of_ours),
        TEST(why_stayd_does_not_start_is_said_in_its_own_words),
        TEST(a_stayd_that_runs_is_found_and_can_be_stopped),
        TEST(a_failed_exec_leaves_everything_as_it_was),
        TEST(players_are_carried_over_exec),
        TEST(the_game_attaches_before_it_listens),
        TEST(a_stayd_that_does_not_answer_delays_the_game_only_for_a_while),
        TEST(a_resumed_players_state_lives_until_the_next_accept),
        TEST(what_the_game_says_reaches_stayd),
        TEST(what_cannot_be_said_is_refused_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
