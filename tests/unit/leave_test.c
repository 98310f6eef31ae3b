// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The guard leaves the connections to the service manager, and ends: but only when worker and spare are dead. One
// that lived on would be the next guard, which knows nothing of the order to leave, and the manager would wait for it
// until it kills them all.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/guard.h"
#include "guard/guard_part.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define STAYED 7

static enum { NOBODY, WORKER, SPARE } survivor;
static struct vault vault;
static struct heritage heritage;

bool __wrap_store_all(struct guard *guard);
int __real_pidfd_send_signal(int pidfd, int number, siginfo_t *info, unsigned flags);
int __wrap_pidfd_send_signal(int pidfd, int number, siginfo_t *info, unsigned flags);
int __real_kill(pid_t pid, int number);
int __wrap_kill(pid_t pid, int number);

bool __wrap_store_all(struct guard *guard)
{
    (void)guard;
    return true;
}

int __wrap_pidfd_send_signal(int pidfd, int number, siginfo_t *info, unsigned flags)
{
    if (survivor != WORKER)
        return __real_pidfd_send_signal(pidfd, number, info, flags);
    errno = EPERM;
    return -1;
}

int __wrap_kill(pid_t pid, int number)
{
    if (survivor != SPARE)
        return __real_kill(pid, number);
    errno = EPERM;
    return -1;
}

static struct child make_child(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            pause();
    }
    return (struct child){.pid = pid, .pidfd = pidfd_open(pid, 0)};
}

static void end_child(const struct child *child)
{
    __real_kill(child->pid, SIGKILL);
    waitpid(child->pid, NULL, 0);
}

// The status with which a guard ends that is to leave; STAYED: it has not ended, and will try again.
static int leave(void)
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct guard guard = {.heritage = &heritage, .vault = vault};
        struct child worker = guard.worker = make_child();
        struct child spare = guard.spare = make_child();
        alarm(10);
        guard_leave(&guard);
        end_child(&worker);
        end_child(&spare);
        bool knows =
            survivor == WORKER ? guard.worker.pid == worker.pid : guard.spare.pid == spare.pid;
        _exit(knows && guard.retry_ms ? STAYED : STAYED + 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void who_has_left_has_nobody_behind(void **state)
{
    (void)state;
    survivor = NOBODY;
    assert_int_equal(leave(), GUARD_LEFT);
}

static void nobody_leaves_while_the_worker_lives(void **state)
{
    (void)state;
    survivor = WORKER;
    assert_int_equal(leave(), STAYED);
}

static void nor_while_the_spare_lives(void **state)
{
    (void)state;
    survivor = SPARE;
    assert_int_equal(leave(), STAYED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_has_left_has_nobody_behind),
        cmocka_unit_test(nobody_leaves_while_the_worker_lives),
        cmocka_unit_test(nor_while_the_spare_lives),
    };
    assert_int_equal(vault_make(&vault, 4), 0);
    heritage.vault = vault;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
