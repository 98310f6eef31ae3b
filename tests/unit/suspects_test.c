// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who is to blame for crashes is so for an hour.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "vault/suspects.h"

#include <stdlib.h>
#include <string.h>

#define HOUR_MS (SUSPECTS_FADE_S * 1000ull)

static struct vault_head *head;

static const uint8_t *address_of(uint8_t last)
{
    static uint8_t address[16];
    address[15] = last;
    return address;
}

static void blame(uint8_t last, uint64_t now_ms)
{
    suspects_blame_address(&head->view, address_of(last), now_ms);
}

static bool is_refused(uint8_t last, uint64_t now_ms)
{
    return suspects_has_address(&head->view, address_of(last), now_ms);
}

static void an_address_is_refused_for_an_hour_after_its_second_crash(void **state)
{
    (void)state;
    blame(1, 5000);
    assert_false(is_refused(1, 5000));
    blame(1, HOUR_MS);
    assert_true(is_refused(1, HOUR_MS));
    assert_true(is_refused(1, 2 * HOUR_MS - 1000));
    assert_false(is_refused(2, HOUR_MS));
    assert_false(is_refused(1, 2 * HOUR_MS));
    // Then it begins anew.
    blame(1, 2 * HOUR_MS);
    assert_false(is_refused(1, 2 * HOUR_MS));
    blame(1, 2 * HOUR_MS + 1);
    assert_true(is_refused(1, 2 * HOUR_MS + 1));
}

static void two_crashes_more_than_an_hour_apart_are_one_each(void **state)
{
    (void)state;
    for (unsigned hour = 0; hour < 5; hour++) {
        blame(1, hour * HOUR_MS);
        assert_false(is_refused(1, hour * HOUR_MS));
    }
}

static void what_has_faded_makes_room_first(void **state)
{
    (void)state;
    // 0 is the only one that is old, and has crashed the most.
    for (unsigned i = 0; i < 3; i++)
        blame(0, 1000);
    for (uint8_t i = 1; i < VAULT_SUSPECTS; i++)
        for (unsigned again = 0; again < 2; again++)
            blame(i, HOUR_MS);
    blame(100, HOUR_MS + 1000);
    blame(100, HOUR_MS + 1000);
    assert_true(is_refused(100, HOUR_MS + 1000));
    for (uint8_t i = 1; i < VAULT_SUSPECTS; i++)
        assert_true(is_refused(i, HOUR_MS + 1000));
    // When none has faded, the fewest crashes go, and of those the oldest.
    blame(101, HOUR_MS + 2000);
    blame(101, HOUR_MS + 3000);
    assert_true(is_refused(101, HOUR_MS + 3000));
    assert_false(is_refused(1, HOUR_MS + 3000));
    assert_true(is_refused(2, HOUR_MS + 3000));
}

static void a_slots_crashes_fade(void **state)
{
    struct slot slot;
    (void)state;
    memset(&slot, 0, sizeof slot);
    suspects_blame_slot(&slot, 1000);
    assert_int_equal(slot.crashes, 1);
    suspects_blame_slot(&slot, HOUR_MS);
    assert_int_equal(slot.crashes, 2);
    suspects_blame_slot(&slot, 2 * HOUR_MS);
    assert_int_equal(slot.crashes, 1);
    for (unsigned i = 0; i < 300; i++)
        suspects_blame_slot(&slot, 2 * HOUR_MS);
    assert_int_equal(slot.crashes, UINT8_MAX);
}

// As a program leaves it that knows of no times.
static void one_without_a_time_counts_for_an_hour_after_boot(void **state)
{
    (void)state;
    memcpy(head->view.suspects[0].address, address_of(1), 16);
    head->view.suspects[0].crashes = 2;
    assert_true(is_refused(1, 1000));
    assert_false(is_refused(1, HOUR_MS));
}

static int make_vault(void **state)
{
    (void)state;
    memset(head, 0, VAULT_HEAD_BYTES);
    return 0;
}

static int begin(void **state)
{
    (void)state;
    head = aligned_alloc(4096, VAULT_HEAD_BYTES);
    return head ? 0 : -1;
}

static int finish(void **state)
{
    (void)state;
    free(head);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, make_vault)
    const struct CMUnitTest tests[] = {
        TEST(an_address_is_refused_for_an_hour_after_its_second_crash),
        TEST(two_crashes_more_than_an_hour_apart_are_one_each),
        TEST(what_has_faded_makes_room_first),
        TEST(a_slots_crashes_fade),
        TEST(one_without_a_time_counts_for_an_hour_after_boot),
    };
    return cmocka_run_group_tests(tests, begin, finish);
}
