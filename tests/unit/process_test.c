// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which processes live (game/process.h): children of this one, in many states.
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "game/process.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void *sleep_long(void *arg)
{
    (void)arg;
    for (;;)
        pause();
    return NULL;
}

static pid_t start_child(bool is_headless)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid > 0)
        return pid;
    pthread_t thread;
    alarm(30); // whatever becomes of the test
    if (!is_headless)
        sleep_long(NULL);
    if (pthread_create(&thread, NULL, sleep_long, NULL) == 0)
        pthread_exit(NULL);
    _exit(1);
}

static void await_state(pid_t pid, char state)
{
    char path[32];
    char now = '\0';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    while (now != state) {
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        assert_int_equal(fscanf(file, "%*d (%*[^)]) %c", &now), 1);
        fclose(file);
        poll(NULL, 0, 1);
    }
}

static void a_process_lives_until_it_is_killed(bool is_headless)
{
    pid_t pid = start_child(is_headless);
    await_state(pid, is_headless ? 'Z' : 'S');
    uint64_t start = process_start(pid);
    assert_true(start > 0);
    assert_int_equal(process_look(pid, start), PROCESS_ALIVE);
    assert_int_equal(process_look(pid, start + 1), PROCESS_DEAD);
    assert_false(process_is_dying(pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    assert_int_equal(process_look(pid, start), PROCESS_DEAD); // not reaped yet
    assert_int_equal(process_start(pid), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(process_look(pid, start), PROCESS_DEAD);
}

static void a_child_lives_until_it_is_killed(void **state)
{
    (void)state;
    a_process_lives_until_it_is_killed(false);
}

static void a_process_whose_first_thread_has_ended_lives_while_others_run(void **state)
{
    (void)state;
    a_process_lives_until_it_is_killed(true);
}

static void what_was_never_known_stays_unknown(void **state)
{
    (void)state;
    assert_int_equal(process_look(0, 0), PROCESS_UNKNOWN);
    assert_int_equal(process_look(0, 5), PROCESS_UNKNOWN);
    assert_int_equal(process_look(getpid(), 0), PROCESS_UNKNOWN);
}

static void systemd_is_a_manager_for_a_user_too(void **state)
{
    char name[16];
    (void)state;
    assert_true(process_is_manager(1));
    assert_false(process_is_manager(getpid()));
    assert_int_equal(prctl(PR_GET_NAME, name), 0);
    assert_int_equal(prctl(PR_SET_NAME, "systemd"), 0);
    assert_true(process_is_manager(getpid()));
    assert_int_equal(prctl(PR_SET_NAME, "systemd-not"), 0);
    assert_false(process_is_manager(getpid()));
    assert_int_equal(prctl(PR_SET_NAME, name), 0);
    assert_false(process_is_manager(0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_lives_until_it_is_killed),
        cmocka_unit_test(a_process_whose_first_thread_has_ended_lives_while_others_run),
        cmocka_unit_test(what_was_never_known_stays_unknown),
        cmocka_unit_test(systemd_is_a_manager_for_a_user_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
