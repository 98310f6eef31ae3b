// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What an entry says of itself (entry/page.h): whatever stands there, what is read of it is within
// its limits, and its size is what it is.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "entry/gate.h"
#include "entry/page.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define N_DAMAGES 2000u

struct fixture {
    struct entry_page *page; // the entry's
    struct entry_page *read; // what others have read
    int fd;
};

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->fd = page_make();
    assert_true(fixture->fd >= 0);
    fixture->page = page_map(fixture->fd);
    fixture->read = malloc(sizeof *fixture->read);
    assert_non_null(fixture->page);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    munmap(fixture->page, sizeof *fixture->page);
    close(fixture->fd);
    free(fixture->read);
    free(fixture);
    return 0;
}

static void what_an_entry_says_is_read_by_others(void **state)
{
    const struct fixture *fixture = *state;
    struct refusals refusals = {.n = 1};
    refusals.refusal[0] = (struct refusal){.network.bits = 32, .why = GATE_RATE, .n = 7};
    fixture->page->pulse.phase = PAGE_OPEN;
    fixture->page->pulse.handshakes = 3;
    fixture->page->n_certificates = 1;
    fixture->page->certificate[0].listener = 1;
    strcpy(fixture->page->certificate[0].fact.name, "mush.example");
    page_put_refusals(fixture->page, &refusals);
    assert_true(page_read(fixture->fd, fixture->read));
    assert_int_equal(fixture->read->pulse.phase, PAGE_OPEN);
    assert_int_equal(fixture->read->pulse.handshakes, 3);
    assert_int_equal(refusals_count(&fixture->read->refusals), 1);
    assert_int_equal(refusals_at(&fixture->read->refusals, 0)->n, 7);
    assert_int_equal(fixture->read->n_certificates, 1);
    assert_string_equal(fixture->read->certificate[0].fact.name, "mush.example");
    assert_string_equal(page_phase_name((enum page_phase)fixture->read->pulse.phase), "open");
}

static void while_it_writes_its_refusals_they_are_none(void **state)
{
    const struct fixture *fixture = *state;
    struct refusals refusals = {.n = 1};
    refusals.refusal[0] = (struct refusal){.network.bits = 32, .why = GATE_RATE, .n = 7};
    page_put_refusals(fixture->page, &refusals);
    fixture->page->changes++;
    assert_true(page_read(fixture->fd, fixture->read));
    assert_int_equal(refusals_count(&fixture->read->refusals), 0);
    fixture->page->changes++;
    assert_true(page_read(fixture->fd, fixture->read));
    assert_int_equal(refusals_count(&fixture->read->refusals), 1);
}

static void assert_pulse_is_limited(const struct page_pulse *pulse)
{
    assert_true(pulse->phase < N_PAGE_PHASES);
    assert_true(pulse->death.n_frames <= VAULT_FRAMES);
    assert_string_not_equal(page_phase_name((enum page_phase)pulse->phase), "?");
}

static void assert_page_is_limited(struct entry_page *page)
{
    assert_pulse_is_limited(&page->pulse);
    assert_true(page->refusals.n <= REFUSALS_KEPT);
    for (unsigned i = 0; i < page->refusals.n; i++) {
        assert_true(page->refusals.refusal[i].network.bits <= 128);
        assert_true(page->refusals.refusal[i].why < GATE_N_VERDICTS);
    }
    assert_true(page->n_certificates <= PAGE_CERTIFICATES);
    for (unsigned i = 0; i < page->n_certificates; i++) {
        const struct page_certificate *it = &page->certificate[i];
        size_t n = strnlen(it->fact.name, sizeof it->fact.name);
        assert_true(it->listener < CONF_MAX_LISTENERS);
        assert_true(it->fact.kind < CERTS_N_KINDS);
        assert_true(n < sizeof it->fact.name);
        for (size_t at = 0; at < n; at++)
            assert_true(it->fact.name[at] > ' ' && it->fact.name[at] <= '~');
    }
}

static void whatever_stands_there_is_read_within_its_limits(void **state)
{
    const struct fixture *fixture = *state;
    uint8_t *bytes = (uint8_t *)fixture->page;
    for (unsigned byte = 0; byte <= 255; byte++) {
        memset(bytes, (int)byte, sizeof *fixture->page);
        assert_true(page_read(fixture->fd, fixture->read));
        assert_page_is_limited(fixture->read);
    }
    srand(1);
    for (unsigned n = 0; n < N_DAMAGES; n++) {
        for (size_t i = 0; i < sizeof *fixture->page; i += 1 + (size_t)(rand() % 64))
            bytes[i] = (uint8_t)rand();
        fixture->page->changes &= ~1u;
        fixture->page->refusals.n = (unsigned)rand() % (2 * REFUSALS_KEPT);
        fixture->page->n_certificates = (uint32_t)rand() % (2 * PAGE_CERTIFICATES);
        assert_true(page_read(fixture->fd, fixture->read));
        assert_page_is_limited(fixture->read);
    }
}

static void a_pulse_that_cannot_be_is_one_that_starts(void **state)
{
    const struct fixture *fixture = *state;
    struct page_pulse pulse;
    fixture->page->pulse.phase = N_PAGE_PHASES;
    fixture->page->pulse.death.n_frames = VAULT_FRAMES + 1;
    assert_true(page_read_pulse(fixture->fd, &pulse));
    assert_pulse_is_limited(&pulse);
    assert_int_equal(pulse.phase, PAGE_STARTING);
}

static void its_size_stays_so_that_no_access_to_it_kills(void **state)
{
    const struct fixture *fixture = *state;
    const size_t n = sizeof *fixture->page;
    assert_int_equal(ftruncate(fixture->fd, 0), -1);
    assert_int_equal(ftruncate(fixture->fd, (off_t)n - 1), -1);
    assert_int_equal(ftruncate(fixture->fd, (off_t)n + 4096), -1);
    assert_int_equal(fallocate(fixture->fd, 0, 0, (off_t)n + 4096), -1);
    assert_int_equal(fcntl(fixture->fd, F_ADD_SEALS, F_SEAL_WRITE), -1);
}

static void what_is_no_page_is_not_read(void **state)
{
    const struct fixture *fixture = *state;
    struct page_pulse pulse;
    int empty = memfd_create("a test", 0);
    assert_false(page_read_pulse(-1, &pulse));
    assert_false(page_read(-1, fixture->read));
    assert_false(page_read_pulse(empty, &pulse));
    assert_false(page_read(empty, fixture->read));
    assert_int_equal(ftruncate(empty, sizeof(struct entry_page) - 1), 0);
    assert_false(page_read(empty, fixture->read));
    close(empty);
}

static void the_present_page_is_that_of_the_wanted_edition_when_it_is_ready(void **state)
{
    const struct fixture *fixture = *state;
    struct vault vault;
    assert_int_equal(vault_make(&vault, 1), 0);
    struct vault_entry *entry = &vault_entries(&vault)->place[1];
    int vault_fd = vault.fd;
    *entry = (struct vault_entry){.state = ENTRY_MADE, .edition = 3};
    vault_entries(&vault)->wanted = 3;
    vault_guard_fds(&vault)[VAULT_ENTRY_PAGES + 1] = fixture->fd;
    assert_false(page_read_present(&vault, fixture->read));
    fixture->page->pulse.phase = PAGE_READY;
    assert_true(page_read_present(&vault, fixture->read));
    entry->state = ENTRY_READ_OUT;
    assert_false(page_read_present(&vault, fixture->read));
    entry->state = ENTRY_MADE;
    vault_want_entry(&vault);
    assert_false(page_read_present(&vault, fixture->read));
    vault_unmap(&vault);
    close(vault_fd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_an_entry_says_is_read_by_others),
        TEST(while_it_writes_its_refusals_they_are_none),
        TEST(whatever_stands_there_is_read_within_its_limits),
        TEST(a_pulse_that_cannot_be_is_one_that_starts),
        TEST(its_size_stays_so_that_no_access_to_it_kills),
        TEST(what_is_no_page_is_not_read),
        TEST(the_present_page_is_that_of_the_wanted_edition_when_it_is_ready),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
