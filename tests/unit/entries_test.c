// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Entries when again and again something else is wanted before the one of before is open: all places
// are taken, and the one that is wanted has to get one. The entries are processes that sleep; the
// test has their ends of the queues.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "entry/page.h"
#include "guard/entry_place.h"
#include "guard/guard_part.h"
#include "vault/handover.h"

#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct vault vault;
static struct heritage heritage;
static struct guard guard;
static pid_t sleeper[VAULT_ENTRIES];
static int sending[VAULT_ENTRIES];

static pid_t make_sleeper(void)
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        while (getppid() == parent)
            pause();
        _exit(0);
    }
    return pid;
}

// Of the edition i + 1, in this phase.
static void put_entry(unsigned i, enum page_phase phase)
{
    const struct page_pulse pulse = {.phase = phase};
    struct vault_entry *entry = entry_place(&vault, i);
    int queue;
    int page = page_make();
    assert_int_equal(handover_make(&queue, &sending[i]), 0);
    assert_true(page >= 0 && pwrite(page, &pulse, sizeof pulse, 0) == (ssize_t)sizeof pulse);
    sleeper[i] = make_sleeper();
    heritage_claim(&vault, HERITAGE_ENTRY_QUEUE + i, queue);
    heritage_claim(&vault, HERITAGE_ENTRY_PAGE + i, page);
    heritage_claim(&vault, HERITAGE_ENTRY_PIDFD + i, pidfd_open(sleeper[i], 0));
    entry->pid = (uint32_t)sleeper[i];
    entry->edition = i + 1;
    entry->serial = i + 1;
    entry->state = ENTRY_MADE;
}

static int set_up(void **state)
{
    (void)state;
    assert_int_equal(vault_make(&vault, 4), 0);
    heritage = (struct heritage){.vault = vault, .lock_fd = -1};
    guard =
        (struct guard){.heritage = &heritage, .vault = vault, .reload = {.heritage = &heritage}};
    vault_entries(&vault)->wanted = VAULT_ENTRIES + 1;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++) {
        kill(sleeper[i], SIGKILL);
        waitpid(sleeper[i], NULL, 0);
        close(sending[i]);
        close(vault_guard_fds(&vault)[HERITAGE_ENTRY_QUEUE + i]);
        close(vault_guard_fds(&vault)[HERITAGE_ENTRY_PAGE + i]);
        close(vault_guard_fds(&vault)[HERITAGE_ENTRY_PIDFD + i]);
    }
    vault_unmap(&vault);
    close(vault.fd);
    return 0;
}

static void step(void)
{
    entries_begin(&guard);
    entries_step(&guard, clock_boot_ms());
}

static void those_that_will_never_be_open_leave_their_places(void **state)
{
    (void)state;
    put_entry(0, PAGE_OPEN);
    for (unsigned i = 1; i < VAULT_ENTRIES; i++)
        put_entry(i, PAGE_READY);
    step();
    assert_int_equal(handover_hear(sending[0]), 0);
    for (unsigned i = 1; i < VAULT_ENTRIES; i++)
        assert_int_equal(handover_hear(sending[i]), HANDOVER_RETIRE);
}

static void of_those_that_are_all_open_the_first_leaves_its_place(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        put_entry(i, PAGE_OPEN);
    step();
    assert_int_equal(handover_hear(sending[0]), HANDOVER_RETIRE);
    for (unsigned i = 1; i < VAULT_ENTRIES; i++)
        assert_int_equal(handover_hear(sending[i]), 0);
}

static void who_retires_gives_way(void **state)
{
    int status;
    (void)state;
    put_entry(0, PAGE_OPEN);
    put_entry(1, PAGE_RETIRING);
    put_entry(2, PAGE_RETIRING);
    put_entry(3, PAGE_STARTING);
    step();
    assert_int_equal(waitpid(sleeper[1], &status, 0), sleeper[1]);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(waitpid(sleeper[2], &status, WNOHANG), 0);
    assert_int_equal(handover_hear(sending[0]), 0);
    assert_int_equal(handover_hear(sending[3]), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(those_that_will_never_be_open_leave_their_places),
        TEST(of_those_that_are_all_open_the_first_leaves_its_place),
        TEST(who_retires_gives_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
