// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Which processes live (game/proc.h): children of this one, in many states.
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "game/proc.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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
    struct proc_view view;
    assert_true(proc_see(pid, &view) && view.start > 0 && !view.is_manager);
    const uint64_t start = view.start;
    assert_int_equal(proc_look(pid, start), PROC_ALIVE);
    assert_int_equal(proc_look(pid, start + 1), PROC_DEAD);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    assert_int_equal(proc_look(pid, start), PROC_DEAD); // not reaped yet
    assert_false(proc_see(pid, &view));
    assert_int_equal(errno, ESRCH);
    assert_int_equal(view.start, 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(proc_look(pid, start), PROC_DEAD);
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

// One of the test's own, whom nobody else here is.
#define NEW_UID 54321u

static bool is_that(pid_t pid, void *arg)
{
    return pid == *(const pid_t *)arg;
}

static void a_new_process_of_a_user_is_found_for_a_while(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip(); // only root can become somebody
    pid_t pid = fork();
    if (pid == 0)
        _exit(setresuid(NEW_UID, NEW_UID, NEW_UID) == 0 && pause() == 0);
    pid_t another = pid + 1;
    for (int i = 0; i < 2000 && !proc_find_new(NEW_UID, 60000, is_that, &pid); i++)
        poll(NULL, 0, 1);
    assert_true(proc_find_new(NEW_UID, 60000, is_that, &pid));
    assert_false(proc_find_new(NEW_UID, 60000, is_that, &another));
    assert_false(proc_find_new(NEW_UID + 1, 60000, is_that, &pid));
    poll(NULL, 0, 50);
    assert_false(proc_find_new(NEW_UID, 20, is_that, &pid));
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)pid, &(siginfo_t){0}, WEXITED | WNOWAIT), 0);
    assert_false(proc_find_new(NEW_UID, 60000, is_that, &pid));
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void what_was_never_known_stays_unknown(void **state)
{
    (void)state;
    assert_int_equal(proc_look(0, 0), PROC_UNKNOWN);
    assert_int_equal(proc_look(0, 5), PROC_UNKNOWN);
    assert_int_equal(proc_look(getpid(), 0), PROC_UNKNOWN);
}

static bool is_manager(pid_t pid)
{
    struct proc_view view;
    (void)proc_see(pid, &view);
    return view.is_manager;
}

static void systemd_is_a_manager_for_a_user_too(void **state)
{
    char name[16];
    (void)state;
    assert_true(is_manager(1));
    assert_false(is_manager(getpid()));
    assert_int_equal(prctl(PR_GET_NAME, name), 0);
    static const char *const others[] = {"systemd-not", "(systemd", "system", "systemd)"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        assert_int_equal(prctl(PR_SET_NAME, others[i]), 0);
        assert_false(is_manager(getpid()));
    }
    assert_int_equal(prctl(PR_SET_NAME, "systemd"), 0);
    assert_true(is_manager(getpid()));
    assert_int_equal(prctl(PR_SET_NAME, name), 0);
    assert_false(is_manager(0));
}

// A failed look says nothing of the process.
static void a_look_that_fails_for_want_of_descriptors_says_so(void **state)
{
    struct rlimit limit;
    struct proc_view view;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit none = {.rlim_cur = 0, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    bool is_seen = proc_see(getpid(), &view);
    int error = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_false(is_seen);
    assert_int_equal(error, EAGAIN);
    assert_true(proc_see(getpid(), &view));
    assert_false(proc_see(0, &view));
    assert_int_equal(errno, ESRCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_lives_until_it_is_killed),
        cmocka_unit_test(a_process_whose_first_thread_has_ended_lives_while_others_run),
        cmocka_unit_test(a_new_process_of_a_user_is_found_for_a_while),
        cmocka_unit_test(what_was_never_known_stays_unknown),
        cmocka_unit_test(systemd_is_a_manager_for_a_user_too),
        cmocka_unit_test(a_look_that_fails_for_want_of_descriptors_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
