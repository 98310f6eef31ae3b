// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See libstay_world.h.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "libstay_world.h"

#include <assert.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

const char header[] = "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x1f"
                      "\xc0\x00\x02\x07\x7f\x00\x00\x01\xd4\x31\x10\x6a"
                      "\x05\x00\x10"
                      "0123456789abcdef";
static_assert(sizeof header == N_HEADER + 1, "N_HEADER");

char directory[64];
char open_error[STAY_ERROR_BYTES];

const char *in_directory(const char *name)
{
    static char path[108]; // as long as a socket's name can be
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/libstay-test-XXXXXX");
    return mkdtemp(directory) == NULL;
}

int remove_directory(void **state)
{
    (void)state;
    static const char *const names[] = {
        "game.sock", "game.lock",    "stayd.conf", "control.sock.lock",
        "stayd",     "control.sock", "said",       "stayd.conf.former"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        unlink(in_directory(names[i]));
    return rmdir(directory);
}

struct stay *open_game(unsigned timeout_ms, uid_t user)
{
    struct stay_options options = {.game = "test",
                                   .directory = directory,
                                   .stayd = "",
                                   .stayd_user = user,
                                   .header_timeout_ms = timeout_ms};
    return stay_open(&options, open_error, sizeof open_error);
}

struct stay *open_able(void)
{
    struct stay_options options = {
        .game = "test", .directory = directory, .stayd = "", .resumes = true, .acknowledges = true};
    return stay_open(&options, open_error, sizeof open_error);
}

int connect_game(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", in_directory("game.sock"));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

void say(int fd, const void *bytes, size_t n)
{
    assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), n);
}

bool is_readable(int fd, int timeout_ms)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    return poll(&wait, 1, timeout_ms) == 1;
}

void assert_closed(int fd)
{
    char byte;
    assert_true(is_readable(fd, PATIENCE_MS));
    assert_true(recv(fd, &byte, 1, 0) <= 0);
    close(fd);
}

int await_player(struct stay *stay, struct stay_player *player)
{
    while (is_readable(stay_fd(stay), PATIENCE_MS))
        if (stay_accept(stay, player) > 0)
            return 1;
    return 0;
}

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

pid_t start_control(void)
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

void end_control(pid_t pid)
{
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

const char *what_was_said(void)
{
    static char said[STAY_ERROR_BYTES];
    FILE *file = fopen(in_directory("said"), "r");
    assert_non_null(file);
    said[fread(said, 1, sizeof said - 1, file)] = '\0';
    fclose(file);
    return said;
}
