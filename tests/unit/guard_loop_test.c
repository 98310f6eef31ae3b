// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The guard's loop, look by look: when it sleeps again, what has it done about that which came to
// pass in its sleep? It runs in a process of its own; workers and spares are processes that sleep,
// the clock is never the same at two looks, and the sleep is the test's: a function that plays what
// happens in it.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "entry/page.h"
#include "guard/guard.h"
#include "guard/store/manager.h"
#include "guard/sweep.h"
#include "process/clone.h"
#include "process/lease.h"
#include "vault/upgrading.h"
#include "vault/workers.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MANY 100u // sleeps, in which nothing more is going to happen
#define PLAYED 7  // exit status of a guard whose play is over

// What happens in the guard's nth sleep, from 1 on.
typedef void sleep_fn(unsigned n);

static struct {
    struct vault vault;
    struct heritage heritage;
    sleep_fn *sleep;
    bool ends_late; // a worker comes to its orderly end just when the guard takes the table
} play;

// Told by the guard's process.
struct told {
    unsigned n_sleeps;
    uint64_t n_workers[MANY]; // made before this sleep
    unsigned n_ready;         // how often the manager was told
};
static struct told *told;
static struct vault_view view;

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                 const sigset_t *signals);
int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);
pid_t __wrap_clone_sharing_table(int *pidfd);
pid_t __wrap_clone_with_copy(int *pidfd);
void __wrap_sweep_descriptors(const struct vault *vault);
uint64_t __real_lease_take(vault_place *place, uint64_t seen);
uint64_t __wrap_lease_take(vault_place *place, uint64_t seen);
bool __wrap_manager_say(int fd, bool waits, const char *fmt, ...);

int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *timeout,
                 const sigset_t *signals)
{
    unsigned n_sleeps = ++told->n_sleeps;
    (void)fds;
    (void)n;
    (void)timeout;
    (void)signals;
    if (n_sleeps == MANY)
        _exit(PLAYED + 1);
    told->n_workers[n_sleeps] = play.vault.head->workers_made;
    play.sleep(n_sleeps);
    return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    static long n_looks;
    int result = __real_clock_gettime(clock, time);
    n_looks++;
    time->tv_sec += n_looks / 1000;
    time->tv_nsec += n_looks % 1000 * 1000000;
    time->tv_sec += time->tv_nsec / 1000000000;
    time->tv_nsec %= 1000000000;
    return result;
}

// An entry, which is open at once.
pid_t __wrap_clone_with_copy(int *pidfd)
{
    static const struct page_pulse pulse = {.phase = PAGE_OPEN};
    int page = vault_guard_fds(&play.vault)[HERITAGE_ENTRY_PAGE];
    if (pwrite(page, &pulse, sizeof pulse, 0) != (ssize_t)sizeof pulse)
        _exit(PLAYED + 2);
    return __wrap_clone_sharing_table(pidfd);
}

pid_t __wrap_clone_sharing_table(int *pidfd)
{
    pid_t guard = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == guard)
            pause();
        _exit(0);
    }
    *pidfd = pidfd_open(pid, 0);
    return pid;
}

void __wrap_sweep_descriptors(const struct vault *vault)
{
    (void)vault;
}

uint64_t __wrap_lease_take(vault_place *place, uint64_t seen)
{
    if (play.ends_late && place == &play.vault.head->table)
        play.vault.head->worker_phase = WORKER_ENDED;
    return __real_lease_take(place, seen);
}

bool __wrap_manager_say(int fd, bool waits, const char *fmt, ...)
{
    (void)fd;
    (void)waits;
    told->n_ready += strcmp(fmt, "READY=1") == 0;
    return true;
}

// Returns the exit status of a guard that takes the place of this one.
static int run_guard(uint64_t dead, sleep_fn *sleep)
{
    int status;
    fflush(NULL);
    play.sleep = sleep;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        guard_run(&play.heritage, dead);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int set_up(void **state)
{
    (void)state;
    memset(&play, 0, sizeof play);
    memset(told, 0, sizeof *told);
    assert_int_equal(vault_make(&play.vault, 4), 0);
    play.heritage.vault = play.vault;
    play.heritage.lock_fd = -1;
    play.heritage.conf.control = (char *)"/nonexistent/control.sock";
    play.heritage.view = &view;
    play.heritage.conf.path = (char *)"/nonexistent/stayd.conf";
    play.heritage.conf.text = (char *)"";
    heritage_begin(&play.heritage);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vault_unmap(&play.vault);
    close(play.vault.fd);
    return 0;
}

static void get_ready(void)
{
    workers_set_phase(play.vault.head, WORKER_READY);
}

static void kill_worker(void)
{
    int pidfd = vault_guard_fds(&play.vault)[HERITAGE_WORKER_PIDFD];
    struct pollfd death = {.fd = pidfd, .events = POLLIN};
    pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
    poll(&death, 1, -1);
}

static void play_three_deaths(unsigned n)
{
    if (n == 4)
        _exit(PLAYED);
    get_ready();
    kill_worker();
}

static void after_a_workers_death_the_next_one_is_made_before_the_guard_sleeps(void **state)
{
    (void)state;
    assert_int_equal(run_guard(0, play_three_deaths), PLAYED);
    for (unsigned n = 1; n <= 4; n++)
        assert_int_equal(told->n_workers[n], n);
}

static void play_damage(unsigned n)
{
    if (n == 2)
        _exit(PLAYED);
    play.vault.head->worker_phase = 77;
    kill_worker();
}

static void a_worker_that_has_damaged_its_phase_is_followed_by_the_next(void **state)
{
    (void)state;
    assert_int_equal(run_guard(0, play_damage), PLAYED);
    assert_int_equal(told->n_workers[2], 2);
}

static void whatever_phase_is_found_the_next_worker_can_start(void **state)
{
    struct vault_head *head = play.vault.head;
    (void)state;
    for (uint32_t left = 0; left <= N_WORKER_PHASES; left++) {
        head->worker_phase = left;
        workers_set_phase(head, WORKER_STARTING);
        assert_int_equal(workers_phase(head), WORKER_STARTING);
        head->worker_phase = left;
        workers_set_phase(head, WORKER_DEAD);
        assert_int_equal(workers_phase(head), WORKER_DEAD);
    }
}

static void play_nothing(unsigned n)
{
    (void)n;
}

static void after_a_workers_orderly_end_nobody_is_made(void **state)
{
    (void)state;
    play.vault.head->worker_phase = WORKER_ENDED;
    assert_int_equal(run_guard(0, play_nothing), 0);
    assert_int_equal(play.vault.head->workers_made, 0);
}

static void nor_when_that_end_comes_just_as_the_guard_takes_the_table(void **state)
{
    (void)state;
    play.ends_late = true;
    assert_int_equal(run_guard(0, play_nothing), 0);
    assert_int_equal(play.vault.head->workers_made, 0);
}

static void play_two_failures(unsigned n)
{
    if (n < 3)
        kill_worker();
    else if (n == 3)
        get_ready();
    else
        _exit(PLAYED);
}

static void the_manager_is_told_of_the_first_worker_that_gets_ready(void **state)
{
    (void)state;
    assert_int_equal(run_guard(0, play_two_failures), PLAYED);
    assert_int_equal(told->n_workers[4], 3);
    assert_int_equal(told->n_ready, 1);
}

static void play_three_failures(unsigned n)
{
    if (n == 4)
        _exit(PLAYED);
    kill_worker();
}

static void three_that_do_not_get_ready_end_the_start(void **state)
{
    (void)state;
    assert_int_equal(run_guard(0, play_three_failures), 1);
    assert_int_equal(told->n_ready, 0);
}

static void the_manager_is_told_once_though_the_worker_that_was_ready_is_dead(void **state)
{
    (void)state;
    assert_int_equal(run_guard(0, play_three_deaths), PLAYED);
    assert_int_equal(told->n_ready, 1);
}

static void play_the_guards_death(unsigned n)
{
    (void)n;
    get_ready();
    _exit(PLAYED);
}

static void play_readiness(unsigned n)
{
    if (n == 1)
        get_ready();
    else
        _exit(PLAYED);
}

static void the_manager_is_told_by_the_next_guard_if_the_first_could_not(void **state)
{
    (void)state;
    assert_int_equal(run_guard(0, play_the_guards_death), PLAYED);
    assert_int_equal(told->n_ready, 0);
    told->n_sleeps = 0;
    assert_int_equal(run_guard(play.vault.head->guard, play_readiness), PLAYED);
    assert_int_equal(told->n_ready, 1);
    told->n_sleeps = 0;
    assert_int_equal(run_guard(play.vault.head->guard, play_readiness), PLAYED);
    assert_int_equal(told->n_ready, 1);
}

// The worker may see the end of an entry's queue before the guard sees its death.
static void play_an_entrys_crash(unsigned n)
{
    struct vault_entry *entry = &vault_entries(&play.vault)->place[0];
    int pidfd = vault_guard_fds(&play.vault)[HERITAGE_ENTRY_PIDFD];
    struct pollfd death = {.fd = pidfd, .events = POLLIN};
    if (n == 1)
        get_ready();
    if (n == 4)
        _exit(PLAYED);
    pidfd_send_signal(pidfd, SIGABRT, NULL, 0);
    poll(&death, 1, -1);
    entry->state = ENTRY_READ_OUT;
}

static void the_crash_of_an_entry_that_is_read_out_already_is_noted(void **state)
{
    (void)state;
    assert_int_equal(run_guard(0, play_an_entrys_crash), PLAYED);
    assert_int_equal(play.vault.head->deaths.entries, 3);
    assert_int_equal(play.vault.head->entry_serials, 4);
}

// It has said that it is at its end, and lives on.
static void play_an_entrys_lie(unsigned n)
{
    struct vault_entry *entry = &vault_entries(&play.vault)->place[0];
    int pidfd = vault_guard_fds(&play.vault)[HERITAGE_ENTRY_PIDFD];
    struct pollfd death = {.fd = pidfd, .events = POLLIN};
    if (n == 1) {
        get_ready();
        entry->state = ENTRY_READ_OUT;
    } else if (n == 2) {
        if (poll(&death, 1, 10000) != 1)
            _exit(PLAYED + 3);
    } else {
        _exit(PLAYED);
    }
}

static void an_entry_that_is_read_out_and_lives_on_is_killed_before_the_next_is_made(void **state)
{
    (void)state;
    assert_int_equal(run_guard(0, play_an_entrys_lie), PLAYED);
    assert_int_equal(play.vault.head->entry_serials, 2);
    assert_int_equal(vault_entries(&play.vault)->place[0].state, ENTRY_MADE);
    assert_int_equal(vault_entries(&play.vault)->place[1].state, ENTRY_FREE);
}

// An order in the vault, which is refused at once.
static void play_an_order_to_upgrade(unsigned n)
{
    if (n == 1)
        get_ready();
    if (n == 2)
        upgrading_ask(play.vault.head, 77, "/nonexistent/stayd");
    if (n == 4)
        _exit(PLAYED);
}

static void an_order_to_upgrade_needs_no_signal(void **state)
{
    const struct vault_upgrade *note = &play.vault.head->upgrade;
    (void)state;
    play.heritage.program = (char *)"/nonexistent/stayd";
    assert_int_equal(run_guard(0, play_an_order_to_upgrade), PLAYED);
    assert_false(upgrading_is_asked(play.vault.head));
    assert_int_equal(note->phase, UPGRADE_REFUSED);
    assert_int_equal(note->done_token, 77);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(after_a_workers_death_the_next_one_is_made_before_the_guard_sleeps),
        TEST(a_worker_that_has_damaged_its_phase_is_followed_by_the_next),
        TEST(whatever_phase_is_found_the_next_worker_can_start),
        TEST(after_a_workers_orderly_end_nobody_is_made),
        TEST(nor_when_that_end_comes_just_as_the_guard_takes_the_table),
        TEST(the_manager_is_told_of_the_first_worker_that_gets_ready),
        TEST(three_that_do_not_get_ready_end_the_start),
        TEST(the_manager_is_told_once_though_the_worker_that_was_ready_is_dead),
        TEST(the_manager_is_told_by_the_next_guard_if_the_first_could_not),
        TEST(the_crash_of_an_entry_that_is_read_out_already_is_noted),
        TEST(an_entry_that_is_read_out_and_lives_on_is_killed_before_the_next_is_made),
        TEST(an_order_to_upgrade_needs_no_signal),
    };
    told = mmap(NULL, sizeof *told, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
