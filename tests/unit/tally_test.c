// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What networks have, and who gives way. Time is the test's.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "entry/refusals.h"
#include "entry/tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MANY 16u

static const struct tally_key key = {{3, 5, 7, 11, 13, 17}};

static struct tally *tally;

static int set_up(void **state)
{
    (void)state;
    tally = tally_make(MANY, &key);
    return tally ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    tally_free(tally);
    return 0;
}

// Static: until the next but three.
static const uint8_t *at(const char *text)
{
    static struct network networks[4];
    static unsigned next;
    struct network *it = &networks[next++ % 4];
    assert_null(network_parse(text, it));
    return it->address;
}

static void assert_network(const struct network *network, const char *expected)
{
    char text[NETWORK_TEXT_BYTES];
    assert_string_equal(network_print(text, network), expected);
}

static unsigned take(const char *address, unsigned n, uint32_t per_second, uint64_t now_ms)
{
    struct network network;
    unsigned n_taken = 0;
    while (n-- > 0)
        n_taken += tally_take(tally, at(address), per_second, now_ms, &network);
    return n_taken;
}

static void five_seconds_worth_can_come_at_once_and_then_so_many_a_second(void **state)
{
    (void)state;
    assert_int_equal(take("192.0.2.7", 100, 4, 1000), 20);
    assert_int_equal(take("192.0.2.7", 100, 4, 1249), 0);
    assert_int_equal(take("192.0.2.7", 100, 4, 1250), 1);
    assert_int_equal(take("192.0.2.7", 100, 4, 2250), 4);
    assert_int_equal(take("192.0.2.8", 100, 4, 2250), 20);
    assert_int_equal(take("192.0.2.7", 100, 4, 3600000), 20);
    assert_int_equal(take("192.0.2.7", 100, 4, 1000), 0); // a clock that went back gives nothing
}

static void what_is_asked_often_still_comes_in_the_long_run(void **state)
{
    (void)state;
    unsigned n = take("192.0.2.7", 100, 3, 0);
    for (uint64_t now_ms = 1; now_ms <= 100000; now_ms++)
        n += take("192.0.2.7", 2, 3, now_ms);
    assert_in_range(n, 15 + 299, 15 + 300);
}

static void an_ipv6_house_and_its_site_have_their_own_measure(void **state)
{
    (void)state;
    struct network network;
    assert_int_equal(take("2001:db8:1:1::1", 100, 1, 1000), 5);
    assert_int_equal(take("2001:db8:1:1:ffff::2", 1, 1, 1000), 0);
    assert_false(tally_take(tally, at("2001:db8:1:1::3"), 1, 1000, &network));
    assert_network(&network, "2001:db8:1:1::/64");
    // A refused connection is no burden to the site.
    assert_int_equal(take("2001:db8:1:2::1", 100, 1, 1000), 5);
    assert_int_equal(take("2001:db8:1:3::1", 100, 1, 1000), 5);
    assert_int_equal(take("2001:db8:1:4::1", 3, 1, 1000), 3);
    assert_int_equal(take("2001:db8:1:5::1", 100, 1, 1000), 2);
    assert_false(tally_take(tally, at("2001:db8:1:5::1"), 1, 1000, &network));
    assert_network(&network, "2001:db8:1::/48");
    assert_int_equal(take("2001:db8:2:1::1", 1, 1, 1000), 1);
}

static void counts_go_up_and_down(void **state)
{
    (void)state;
    struct network network;
    for (unsigned i = 0; i < 3; i++) {
        assert_false(tally_is_full(tally, at("192.0.2.7"), 3, &network));
        tally_add(tally, at("192.0.2.7"));
    }
    assert_true(tally_is_full(tally, at("192.0.2.7"), 3, &network));
    assert_network(&network, "192.0.2.7");
    assert_false(tally_is_full(tally, at("192.0.2.8"), 3, &network));
    tally_drop(tally, at("192.0.2.7"));
    assert_false(tally_is_full(tally, at("192.0.2.7"), 3, &network));
    tally_drop(tally, at("192.0.2.9")); // of which there was none
    for (unsigned i = 0; i < 4; i++)
        tally_add(tally, at(i % 2 ? "2001:db8::1" : "2001:db8:0:1::1"));
    assert_false(tally_is_full(tally, at("2001:db8:0:2::1"), 2, &network));
    for (unsigned i = 0; i < 4; i++)
        tally_add(tally, at(i % 2 ? "2001:db8:0:3::1" : "2001:db8:0:4::1"));
    assert_true(tally_is_full(tally, at("2001:db8:0:2::1"), 2, &network));
    assert_network(&network, "2001:db8::/48");
}

// Else who has many networks could have his own forgotten.
static void what_is_counted_is_never_given_up_and_of_the_rest_the_oldest(void **state)
{
    (void)state;
    struct network network;
    char address[32];
    tally_add(tally, at("192.0.2.7"));
    assert_int_equal(take("192.0.2.8", 9, 1, 1000), 5);
    assert_int_equal(take("192.0.2.9", 9, 1, 1000), 5);
    for (unsigned i = 0; i < MANY - 3; i++) {
        snprintf(address, sizeof address, "198.51.100.%u", i);
        assert_int_equal(take(address, 1, 1, 1000), 1);
    }
    assert_int_equal(take("192.0.2.8", 1, 1, 1000), 0);
    assert_int_equal(take("203.0.113.1", 1, 1, 1000), 1); // in the place of 192.0.2.9
    assert_int_equal(take("192.0.2.8", 1, 1, 1000), 0);
    assert_int_equal(take("192.0.2.9", 9, 1, 1000), 5);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "10.0.%u.%u", i / 250, i % 250);
        assert_int_equal(take(address, 1, 1, 1000), 1);
    }
    assert_true(tally_is_full(tally, at("192.0.2.7"), 1, &network));
}

static void without_a_place_nothing_is_counted_and_nothing_breaks(void **state)
{
    (void)state;
    struct network network;
    char address[32];
    for (unsigned i = 0; i < MANY + 3; i++) {
        snprintf(address, sizeof address, "198.51.100.%u", i);
        tally_add(tally, at(address));
    }
    assert_false(tally_is_full(tally, at("198.51.100.16"), 1, &network));
    assert_int_equal(take("192.0.2.8", 9, 1, 1000), 9);
    for (unsigned i = 0; i < MANY + 3; i++) {
        snprintf(address, sizeof address, "198.51.100.%u", i);
        tally_drop(tally, at(address));
    }
    assert_int_equal(take("192.0.2.8", 9, 1, 1000), 5);
}

static void who_is_held_stands_in_line_by_age(void **state)
{
    (void)state;
    struct tally_held held[5];
    struct network near, far, none;
    uint32_t n = 9;
    assert_null(tally_oldest_silent(tally));
    assert_null(tally_oldest_of_busiest(tally, &n));
    tally_hold(tally, &held[0], NULL, 1);
    tally_hold(tally, &held[1], at("2001:db8::1"), 2);
    tally_hold(tally, &held[2], at("2001:db8:0:1::1"), 3);
    tally_hold(tally, &held[3], at("2001:db8::2"), 4);
    tally_hold(tally, &held[4], at("192.0.2.7"), 5);
    assert_null(network_parse("2001:db8::/64", &near));
    assert_null(network_parse("2001:db8::/48", &far));
    assert_null(network_parse("2001:db9::/48", &none));
    assert_ptr_equal(tally_oldest_silent(tally), &held[0]);
    assert_ptr_equal(tally_oldest_of_busiest(tally, &n), &held[1]);
    assert_int_equal(n, 2);
    assert_ptr_equal(tally_oldest_of(tally, &near, true), &held[1]);
    tally_speak(tally, &held[1]);
    tally_speak(tally, &held[1]);
    assert_ptr_equal(tally_oldest_of(tally, &near, true), &held[3]);
    assert_ptr_equal(tally_oldest_of(tally, &near, false), &held[1]);
    assert_ptr_equal(tally_oldest_of(tally, &far, true), &held[2]);
    assert_null(tally_oldest_of(tally, &none, false));
    tally_let_go(tally, &held[0]);
    assert_ptr_equal(tally_oldest_silent(tally), &held[2]);
    tally_let_go(tally, &held[1]);
    tally_let_go(tally, &held[3]);
    assert_null(tally_oldest_of(tally, &near, false));
    assert_ptr_equal(tally_oldest_of_busiest(tally, &n), &held[2]);
    tally_let_go(tally, &held[2]);
    tally_let_go(tally, &held[4]);
    assert_null(tally_oldest_silent(tally));
}

static void wait_for_turns(struct tally_held *held, const char *const addresses[], unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        tally_hold(tally, &held[i], addresses[i] ? at(addresses[i]) : NULL, i);
        tally_wait(tally, &held[i]);
    }
}

static void assert_turns(const struct tally_held *held, const unsigned *order, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        assert_ptr_equal(tally_next(tally), &held[order[i]]);
    assert_null(tally_next(tally));
}

static void networks_have_their_turns_one_after_the_other(void **state)
{
    (void)state;
    struct tally_held held[9];
    static const char *const addresses[9] = {
        "2001:db8:1:1::1",
        "2001:db8:1:1::2",
        "2001:db8:1:1::3",
        "192.0.2.7",
        "192.0.2.7",
        "2001:db8:1:2::1",
        NULL,
        "2001:db8:2:1::1",
        "2001:db8:1:1::4",
    };
    static const unsigned order[] = {0, 3, 6, 7, 5, 4, 1, 2, 8};
    wait_for_turns(held, addresses, 9);
    assert_turns(held, order, 9);
    for (unsigned i = 0; i < 9; i++)
        tally_let_go(tally, &held[i]);
}

static void a_newcomer_waits_for_one_of_another_network_however_many_that_has(void **state)
{
    (void)state;
    struct tally_held held[8];
    static const char *const addresses[] = {"2001:db8:1:1::1", "2001:db8:1:1::1", "2001:db8:1:1::1",
                                            "2001:db8:1:1::1", "2001:db8:1:1::1", "2001:db8:1:1::1",
                                            "2001:db8:1:2::1", "192.0.2.7"};
    wait_for_turns(held, addresses, 5);
    assert_ptr_equal(tally_next(tally), &held[0]);
    wait_for_turns(held + 6, addresses + 6, 2);
    assert_ptr_equal(tally_next(tally), &held[1]);
    assert_ptr_equal(tally_next(tally), &held[7]);
    assert_ptr_equal(tally_next(tally), &held[6]); // of the same site
    // Who has been served and waits again is no worse off than a newcomer.
    tally_wait(tally, &held[7]);
    tally_wait(tally, &held[7]);
    assert_ptr_equal(tally_next(tally), &held[2]);
    assert_ptr_equal(tally_next(tally), &held[7]);
    tally_let_go(tally, &held[3]); // which waits
    assert_ptr_equal(tally_next(tally), &held[4]);
    assert_null(tally_next(tally));
    for (unsigned i = 0; i < 8; i++)
        if (i != 3 && i != 5)
            tally_let_go(tally, &held[i]);
}

// The same places, counts and lines as a plain list has, for a thousand changes at random.
static void at_random_it_holds_what_a_list_holds(void **state)
{
    (void)state;
    static struct tally_held held[MANY / 4];
    bool is_held[MANY / 4] = {false};
    unsigned house[MANY / 4];
    unsigned dice = 1;
    for (unsigned turn = 0; turn < 10000; turn++) {
        struct network network;
        char address[32];
        unsigned n = 0;
        dice = dice * 1103515245u + 12345u;
        unsigned i = dice >> 16 & 3;
        if (is_held[i]) {
            tally_let_go(tally, &held[i]);
        } else {
            house[i] = dice >> 20 & 3;
            snprintf(address, sizeof address, "2001:db8:%u::%u", house[i], dice >> 24);
            tally_hold(tally, &held[i], at(address), turn);
        }
        is_held[i] = !is_held[i];
        for (unsigned j = 0; j < MANY / 4; j++)
            n += is_held[j] && house[j] == 2;
        assert_true(n == 0 || tally_is_full(tally, at("2001:db8:2::"), n, &network));
        assert_false(tally_is_full(tally, at("2001:db8:2::"), n + 1, &network));
        assert_int_equal(take("192.0.2.7", 1, 1000, 1000 * turn), 1);
    }
}

static bool note(struct refusals *refusals, const char *address, uint64_t now_ms)
{
    const struct network network = network_of(at(address), 128);
    return refusals_note(refusals, &network, 1, now_ms);
}

static void a_refusal_is_said_once_and_then_counted_each_minute(void **state)
{
    (void)state;
    struct refusals refusals = {0};
    struct refusal due;
    const uint64_t begin_ms = 1000000;
    assert_true(note(&refusals, "192.0.2.7", begin_ms));
    for (unsigned i = 0; i < 9; i++)
        assert_false(note(&refusals, "192.0.2.7", begin_ms + i));
    assert_false(refusals_next_due(&refusals, &due, begin_ms + 59000));
    assert_true(refusals_next_due(&refusals, &due, begin_ms + 60000));
    assert_int_equal(due.n_unsaid, 9);
    assert_int_equal(due.n, 10);
    assert_false(refusals_next_due(&refusals, &due, begin_ms + 60000));
    assert_false(refusals_next_due(&refusals, &due, begin_ms + 500000));
    assert_int_equal(refusals.n, 1);
    assert_false(refusals_next_due(&refusals, &due, begin_ms + 700000));
    assert_int_equal(refusals.n, 0);
    assert_true(note(&refusals, "192.0.2.7", begin_ms + 700000));
}

static void of_a_thousand_networks_ten_are_named_and_the_rest_are_a_number(void **state)
{
    (void)state;
    struct refusals refusals = {0};
    struct refusal due;
    const uint64_t begin_ms = 1000000;
    char address[32];
    uint64_t n_said = 0;
    uint64_t n_lines = 0;
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(address, sizeof address, "10.0.%u.%u", i / 250, i % 250);
        n_said += note(&refusals, address, begin_ms + i);
    }
    assert_int_equal(n_said, REFUSALS_NAMES);
    assert_int_equal(refusals.n, REFUSALS_KEPT);
    for (; refusals_next_due(&refusals, &due, begin_ms + 100000); n_lines++)
        n_said += due.n_unsaid;
    assert_in_range(n_lines, 1, REFUSALS_KEPT);
    n_said += refusals_take_others(&refusals, begin_ms + 100000);
    assert_int_equal(n_said, 1000);
    assert_int_equal(refusals_take_others(&refusals, begin_ms + 100000), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(five_seconds_worth_can_come_at_once_and_then_so_many_a_second),
        TEST(what_is_asked_often_still_comes_in_the_long_run),
        TEST(an_ipv6_house_and_its_site_have_their_own_measure),
        TEST(counts_go_up_and_down),
        TEST(what_is_counted_is_never_given_up_and_of_the_rest_the_oldest),
        TEST(without_a_place_nothing_is_counted_and_nothing_breaks),
        TEST(who_is_held_stands_in_line_by_age),
        TEST(networks_have_their_turns_one_after_the_other),
        TEST(a_newcomer_waits_for_one_of_another_network_however_many_that_has),
        TEST(at_random_it_holds_what_a_list_holds),
        TEST(a_refusal_is_said_once_and_then_counted_each_minute),
        TEST(of_a_thousand_networks_ten_are_named_and_the_rest_are_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
