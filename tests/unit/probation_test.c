// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Probation with somebody missing: what a spare that is made in the middle of it would do, and
// whether a guard ends itself. Each guard is a process of its own, a spare is one that sleeps.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/guard_part.h"
#include "guard/upgrade/probation.h"
#include "process/clone.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLAYED 7 // exit status of a guard that has gone on

static struct {
    struct vault vault;
    struct heritage heritage;
    struct guard guard;
} play;

// Told by the guard's process: how the vault is when a spare is made.
struct told {
    unsigned n_spares;
    int sleep_ms;   // for which it would sleep before it ends its guard
    bool is_proven; // would it become guard?
};
static struct told *told;

pid_t __wrap_clone_sharing_table(int *pidfd);

static pid_t make_sleeper(int *pidfd)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent)
            pause();
        _exit(0);
    }
    *pidfd = pidfd_open(pid, 0);
    return pid;
}

pid_t __wrap_clone_sharing_table(int *pidfd)
{
    told->n_spares++;
    told->sleep_ms = probation_sleep_ms(&play.vault);
    told->is_proven = vault_is_proven(&play.vault);
    return make_sleeper(pidfd);
}

static int set_up(void **state)
{
    (void)state;
    memset(&play, 0, sizeof play);
    memset(told, 0, sizeof *told);
    assert_int_equal(vault_make(&play.vault, 4), 0);
    play.heritage.vault = play.vault;
    play.heritage.conf.control = (char *)"/nonexistent/control.sock";
    play.vault.head->upgrade.phase = UPGRADE_PROBATION;
    play.vault.head->upgrade.last_table = play.vault.table_number + 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vault_unmap(&play.vault);
    close(play.vault.fd);
    return 0;
}

// A guard of the old table, or of the new one.
static void be_guard(bool is_new)
{
    play.vault.table_number += is_new;
    play.guard = (struct guard){.heritage = &play.heritage, .vault = play.vault};
}

// Its exit status.
static int in_a_process(void (*act)(void))
{
    int status;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        act();
        _exit(PLAYED);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void go_back(void)
{
    be_guard(false);
    probation_take_up(&play.guard);
}

static void who_goes_back_after_the_deadline_is_not_ended_by_the_next_spare(void **state)
{
    (void)state;
    play.vault.head->upgrade.deadline_ms = 1;
    assert_int_equal(probation_sleep_ms(&play.vault), 0);
    assert_int_equal(in_a_process(go_back), PLAYED);
    assert_int_equal(told->n_spares, 1);
    assert_int_equal(told->sleep_ms, -1);
    assert_int_equal(play.vault.head->upgrade.phase, UPGRADE_BACK);
}

static void lose_a_worker(void)
{
    play.guard.n_deaths = UPGRADE_DEATHS - 1;
    probation_count_death(&play.guard, "killed");
}

static void lose_a_worker_with_a_spare(void)
{
    be_guard(true);
    play.guard.spare.pid = make_sleeper(&play.guard.spare.pidfd);
    lose_a_worker();
}

// The guard has not seen it yet.
static void lose_a_worker_after_the_spare(void)
{
    be_guard(true);
    play.guard.spare.pid = make_sleeper(&play.guard.spare.pidfd);
    kill(play.guard.spare.pid, SIGKILL);
    waitpid(play.guard.spare.pid, NULL, 0);
    lose_a_worker();
}

static void a_guard_ends_itself_only_while_somebody_can_go_back(void **state)
{
    (void)state;
    assert_int_equal(in_a_process(lose_a_worker_with_a_spare), 1);
    assert_int_equal(in_a_process(lose_a_worker_after_the_spare), PLAYED);
}

static void go_on_alone(void)
{
    be_guard(true);
    probation_step(&play.guard, 1);
}

static void the_spare_of_who_is_alone_could_go_on(void **state)
{
    (void)state;
    assert_int_equal(in_a_process(go_on_alone), PLAYED);
    assert_int_equal(told->n_spares, 1);
    assert_true(told->is_proven);
    assert_int_equal(play.vault.head->upgrade.phase, UPGRADE_GOOD);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_goes_back_after_the_deadline_is_not_ended_by_the_next_spare),
        TEST(a_guard_ends_itself_only_while_somebody_can_go_back),
        TEST(the_spare_of_who_is_alone_could_go_on),
    };
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
