// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What libstay believes of stayd's lock: a number only if a guard has it here, and a lock that is
// closed to this user only if somebody listens beside it.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "place.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/stay-place-XXXXXX";
static char control[64];
static char lock[sizeof control + 8];

// Hold the lock, with this text in it.
static int hold(const char *text, mode_t mode)
{
    int fd = open(lock, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    return fd;
}

static int listen_there(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, control);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    return fd;
}

static void only_a_guards_number_is_believed(void **state)
{
    (void)state;
    char text[16], name[16];
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    int fd = hold(text, 0600);
    int listener = listen_there();
    assert_int_equal(stay_place_guard(control), 0); // this process is no guard
    prctl(PR_GET_NAME, name, 0, 0, 0);
    prctl(PR_SET_NAME, "stayd: guard", 0, 0, 0);
    assert_int_equal(stay_place_guard(control), getpid());
    prctl(PR_SET_NAME, name, 0, 0, 0);
    assert_true(stay_place_has_stayd(control));
    close(fd);
    assert_false(stay_place_has_stayd(control));
    fd = hold("999999999\n", 0600); // no process
    assert_int_equal(stay_place_guard(control), 0);
    close(listener);
    close(fd);
}

// As another user: 1 there is one, 0 there is none.
static int ask_as_nobody(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0)
        _exit(setuid(65534) == 0 ? stay_place_has_stayd(control) : 9);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void another_users_lock_is_asked_for_by_the_socket(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); // only root can become somebody else
    int fd = hold("1\n", 0600);
    unlink(control);
    assert_int_equal(ask_as_nobody(), 0);
    int listener = listen_there();
    assert_int_equal(chmod(control, 0666), 0);
    assert_int_equal(ask_as_nobody(), 1);
    assert_int_equal(chmod(control, 0600), 0);
    assert_int_equal(ask_as_nobody(), 1); // it is there, though not for this user
    assert_int_equal(chmod(control, 0666), 0);
    close(listener);
    assert_int_equal(ask_as_nobody(), 0); // what a dead one has left
    close(fd);
}

static int begin(void **state)
{
    (void)state;
    if (!mkdtemp(folder) || chmod(folder, 0755) != 0)
        return -1;
    snprintf(control, sizeof control, "%s/control.sock", folder);
    snprintf(lock, sizeof lock, "%s.lock", control);
    return 0;
}

static int end(void **state)
{
    (void)state;
    unlink(control);
    unlink(lock);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_guards_number_is_believed),
        cmocka_unit_test(another_users_lock_is_asked_for_by_the_socket),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
