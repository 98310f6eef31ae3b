// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The guard's tools: places, the sweep, obituaries, the brake; and that processes
// cloned from one another never share randomness.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "guard/brake.h"
#include "guard/guard.h"
#include "guard/obituary.h"
#include "guard/sweep.h"
#include "process/clone.h"
#include "process/death_note.h"
#include "process/lease.h"
#include "vault/slot.h"
#include "vault/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t clone_to_run(void (*run)(void *), void *arg)
{
    int pidfd;
    pid_t pid = clone_sharing_table(&pidfd);
    assert_true(pid >= 0);
    if (pid == 0) {
        run(arg);
        _exit(0);
    }
    close(pidfd);
    return pid;
}

static void wait_for(pid_t pid)
{
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void sleep_for_ever(void *arg)
{
    (void)arg;
    pause();
}

static void a_place_is_taken_once_and_only_from_what_was_seen(void **state)
{
    vault_place place = 0;
    (void)state;
    uint64_t mine = lease_take(&place, 0);
    assert_int_equal(lease_pid(mine), getpid());
    assert_int_equal(lease_take(&place, 0), 0);
    assert_true(lease_is_alive(place));
    uint64_t again = lease_take(&place, mine);
    assert_int_not_equal(again, mine);
    assert_int_equal(place, again);
}

static void a_dead_holder_is_seen_dead_even_as_a_zombie(void **state)
{
    (void)state;
    pid_t pid = clone_to_run(sleep_for_ever, NULL);
    assert_true(lease_is_alive((uint64_t)pid));
    kill(pid, SIGKILL);
    siginfo_t info;
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
    assert_false(lease_is_alive((uint64_t)pid));
    waitpid(pid, NULL, 0);
    assert_false(lease_is_alive((uint64_t)pid));
    assert_false(lease_is_alive(0));
}

static void take_place(void *arg)
{
    vault_place *place = arg;
    if (lease_take(place, 77))
        place[1]++;
}

static void of_many_who_want_a_place_one_gets_it(void **state)
{
    (void)state;
    vault_place *place =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[20];
    place[0] = 77;
    for (int i = 0; i < 20; i++)
        pids[i] = clone_to_run(take_place, place);
    for (int i = 0; i < 20; i++)
        wait_for(pids[i]);
    assert_int_equal(place[1], 1);
    munmap(place, 4096);
}

static unsigned count_fds(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 200; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void each_holder_of_a_place_is_told_from_the_one_before(void **state)
{
    vault_place place = 0;
    (void)state;
    for (uint64_t generation = 1; generation <= 3; generation++)
        assert_int_equal(lease_take(&place, place) >> 32, generation);
}

static void lead_a_group(void *arg)
{
    setpgid(0, 0);
    atomic_store((_Atomic int *)arg, 1);
    pause();
}

static void whoever_has_the_number_by_now_is_no_holder(void **state)
{
    (void)state;
    _Atomic int *is_ready =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const pid_t stranger = clone_to_run(lead_a_group, is_ready);
    while (!*is_ready)
        sched_yield();
    assert_false(lease_is_alive((uint64_t)stranger));
    kill(stranger, SIGKILL);
    waitpid(stranger, NULL, 0);
    munmap(is_ready, 4096);
}

// Its answers do not depend on what was asked before, and nothing is left open by them.
static void a_holder_can_be_looked_at_for_ever(void **state)
{
    (void)state;
    const pid_t pid = clone_to_run(sleep_for_ever, NULL);
    const unsigned n_fds = count_fds();
    errno = ESRCH;
    assert_true(lease_is_alive((uint64_t)pid));
    assert_int_equal(count_fds(), n_fds);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    assert_false(lease_is_alive((uint64_t)pid));
    assert_int_equal(count_fds(), n_fds);
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

// In a process with a table of its own, because a sweep closes what tests need.
static void the_sweep_closes_what_nobody_claims_and_nothing_else(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct vault vault;
        struct slot_pool slots;
        int pair[2];
        if (vault_make(&vault, 4) < 0 || slot_pool_make(&slots, &vault) < 0)
            _exit(1);
        for (int fd = 0; fd < 3; fd++)
            heritage_claim(&vault, (unsigned)fd, fd);
        heritage_claim(&vault, 3, vault.fd);
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
            _exit(2);
        int high = fcntl(pair[0], F_DUPFD, 900);
        int stray = fcntl(pair[0], F_DUPFD, 700);
        struct slot *slot = slot_prepare(&slots);
        slot_claim(slot, pair[0]);
        slot->game_fd = high;
        sweep_descriptors(&vault);
        bool is_good = is_open(pair[0]) && is_open(high) && is_open(vault.fd) && is_open(2) &&
                       !is_open(pair[1]) && !is_open(stray);
        // A slot that is not live claims nothing.
        slot->state = SLOT_FREE;
        sweep_descriptors(&vault);
        _exit(is_good && !is_open(pair[0]) && !is_open(high) ? 0 : 3);
    }
    wait_for(pid);
}

// The lowest and the highest descriptor, the first and the last claim, one beside another.
static void the_sweep_goes_from_end_to_end(void **state)
{
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct vault vault;
        if (vault_make(&vault, 4) < 0 || fcntl(2, F_DUPFD, 0) < 0)
            _exit(1);
        const int first = fcntl(vault.fd, F_DUPFD, 500), last = fcntl(vault.fd, F_DUPFD, 510);
        const int beside[] = {fcntl(vault.fd, F_DUPFD, 501), fcntl(vault.fd, F_DUPFD, 509),
                              fcntl(vault.fd, F_DUPFD, 511), fcntl(vault.fd, F_DUPFD, 505)};
        vault_guard_fds(&vault)[0] = first;
        vault_guard_fds(&vault)[VAULT_GUARD_FDS - 1] = last;
        vault.head->guard_fds[1][0] = beside[3]; // of the table that is not in force
        sweep_descriptors(&vault);
        bool is_good = is_open(first) && is_open(last) && !is_open(0);
        for (int i = 0; i < 4; i++)
            is_good = is_good && !is_open(beside[i]);
        _exit(is_good ? 0 : 2);
    }
    wait_for(pid);
}

static void who_is_served_in_two_crashes_is_blamed_but_never_for_a_kill(void **state)
{
    struct vault vault;
    char how[OBITUARY_HOW_BYTES];
    (void)state;
    assert_int_equal(vault_make(&vault, 4), 0);
    assert_int_equal(vault_reserve_slots(&vault, 2), 0);
    vault.head->serving_slot = 1;
    assert_int_equal(obituary_write(&vault, 1, SIGKILL, how), 0);
    assert_int_equal(vault.slots[1].crashes, 0);
    vault.head->serving_slot = 1;
    assert_int_equal(obituary_write(&vault, 1, SIGBUS, how), 0);
    assert_int_equal(vault.slots[1].crashes, 0);
    vault.head->serving_slot = 1;
    assert_int_equal(obituary_write(&vault, 1, SIGSEGV, how), SIGSEGV);
    assert_int_equal(vault.slots[1].crashes, 1);
    // Not our child: only the note tells.
    vault.head->serving_slot = 1;
    vault.head->deaths.note.signal = SIGABRT;
    assert_int_equal(obituary_write(&vault, 1, -1, how), SIGABRT);
    assert_int_equal(vault.slots[1].crashes, 2);
    assert_int_equal(vault.slots[0].crashes, 0);
    assert_int_equal(vault.head->serving_slot, SLOT_NONE);
    // A message of an entry was being looked at, of no slot yet.
    for (int i = 0; i < 2; i++) {
        vault.head->serving_entry = 1;
        obituary_write(&vault, 1, SIGSEGV, how);
    }
    assert_int_equal(vault_entries(&vault)->place[1].crashes, 2);
    assert_int_equal(vault.head->serving_entry, ENTRY_NONE);
    // Of what a program on probation does nobody is the cause.
    vault.table_number++;
    vault.head->serving_slot = 0;
    assert_int_equal(obituary_write(&vault, 1, SIGSEGV, how), SIGSEGV);
    assert_int_equal(vault.slots[0].crashes, 0);
    int fd = vault.fd;
    vault_unmap(&vault);
    close(fd);
}

static void a_worker_that_crashes_leaves_how_and_where(void **state)
{
    struct vault vault;
    char how[OBITUARY_HOW_BYTES];
    char crashes[WORKERS_CRASHES_BYTES];
    int status;
    (void)state;
    assert_int_equal(vault_make(&vault, 4), 0);
    assert_string_equal(workers_print_crashes(crashes, vault.head), "");
    death_note_load();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        death_note_prepare(&vault.head->deaths.note);
        vault.head->serving_slot = 3;
        abort();
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(vault.head->deaths.note.signal, SIGABRT);
    assert_true(vault.head->deaths.note.n_frames > 0);
    assert_int_equal(obituary_write(&vault, pid, status, how), SIGABRT);
    assert_string_equal(how, "signal 6 (Aborted)");
    assert_non_null(strstr(vault.head->deaths.last, how));
    assert_non_null(strstr(vault.head->deaths.last, "serving slot:3"));
    assert_null(strstr(vault.head->deaths.last, "trace -"));
    obituary_write(&vault, 1, SIGSEGV, how);
    obituary_write(&vault, 1, SIGSEGV, how);
    obituary_write(&vault, 1, SIGKILL, how);
    assert_string_equal(workers_print_crashes(crashes, vault.head), "SEGV:2 ABRT:1");
    int fd = vault.fd;
    vault_unmap(&vault);
    close(fd);
}

static void the_brake_slows_a_crash_loop_and_lets_go(void **state)
{
    struct brake brake = {BRAKE_FULL, 1000};
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(brake_count(&brake, false, 1000), 0);
    for (int i = 0; i < (int)BRAKE_FULL; i++)
        assert_int_equal(brake_count(&brake, true, 1000), 0);
    assert_true(brake_count(&brake, true, 1000) > 0);
    assert_true(brake_count(&brake, true, 1001) > 0);
    assert_int_equal(brake_count(&brake, true, 4000), 0);
}

struct dice {
    uint8_t bytes[3][32];
};

static void throw_second(void *arg)
{
    struct dice *dice = arg;
    assert_int_equal(RAND_bytes(dice->bytes[2], 32), 1);
}

static void throw_first(void *arg)
{
    struct dice *dice = arg;
    RAND_bytes(dice->bytes[1], 32);
    wait_for(clone_to_run(throw_second, arg));
}

static void cloned_processes_throw_different_dice(void **state)
{
    (void)state;
    struct dice *dice = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    uint8_t seen[8][3][32];
    uint8_t warm[32];
    assert_int_equal(RAND_bytes(warm, sizeof warm), 1);
    for (int i = 0; i < 8; i++) {
        wait_for(clone_to_run(throw_first, dice));
        memcpy(seen[i], dice->bytes, sizeof seen[i]);
        for (int j = 0; j < i; j++) {
            assert_memory_not_equal(seen[i][1], seen[j][1], 32);
            assert_memory_not_equal(seen[i][2], seen[j][2], 32);
        }
        assert_memory_not_equal(seen[i][1], seen[i][2], 32);
    }
    munmap(dice, 4096);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_is_taken_once_and_only_from_what_was_seen),
        cmocka_unit_test(a_dead_holder_is_seen_dead_even_as_a_zombie),
        cmocka_unit_test(each_holder_of_a_place_is_told_from_the_one_before),
        cmocka_unit_test(whoever_has_the_number_by_now_is_no_holder),
        cmocka_unit_test(a_holder_can_be_looked_at_for_ever),
        cmocka_unit_test(of_many_who_want_a_place_one_gets_it),
        cmocka_unit_test(the_sweep_closes_what_nobody_claims_and_nothing_else),
        cmocka_unit_test(the_sweep_goes_from_end_to_end),
        cmocka_unit_test(who_is_served_in_two_crashes_is_blamed_but_never_for_a_kill),
        cmocka_unit_test(a_worker_that_crashes_leaves_how_and_where),
        cmocka_unit_test(the_brake_slows_a_crash_loop_and_lets_go),
        cmocka_unit_test(cloned_processes_throw_different_dice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
