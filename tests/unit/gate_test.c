// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who is let in, and who was not. Time is the test's. (Who gives way: handshake_test.c.)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "entry/gate.h"

#include <stdlib.h>
#include <string.h>

struct fixture {
    struct conf conf;
    struct gate *gate;
};

static void put(struct conf_list *list, const char *text)
{
    struct network network;
    assert_null(network_parse(text, &network));
    assert_true(networks_add(&list->networks, &network));
    networks_sort(&list->networks);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->conf.max_handshakes = 8;
    fixture->conf.connections_per_second = 1;
    put(&fixture->conf.exempt, "127.0.0.0/8");
    fixture->gate = gate_make(&(struct gate_setup){.conf = &fixture->conf});
    *state = fixture;
    return fixture->gate ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    gate_free(fixture->gate);
    conf_free(&fixture->conf);
    free(fixture);
    return 0;
}

static enum gate_verdict knock(struct fixture *fixture, const char *address)
{
    struct network network;
    assert_null(network_parse(address, &network));
    return gate_knock(fixture->gate, network.address, 1000);
}

// The i-th refusal is so many of this network for this limit.
static void assert_refused(const struct fixture *fixture, unsigned i, const char *network,
                           const char *limit, uint64_t n)
{
    char text[NETWORK_TEXT_BYTES];
    const struct refusal *refusal = refusals_at(gate_refusals(fixture->gate), i);
    assert_non_null(refusal);
    assert_string_equal(network_print(text, &refusal->network), network);
    assert_string_equal(verdict_limit_name(refusal->why), limit);
    assert_int_equal(refusal->n, n);
}

static void without_lists_everybody_may_knock_but_not_too_often(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(knock(fixture, "192.0.2.7"), i < 5 ? GATE_OPEN : GATE_RATE);
        assert_int_equal(knock(fixture, "127.0.0.1"), GATE_OPEN);
    }
    assert_refused(fixture, 0, "192.0.2.7", "connections-per-second", 3);
    assert_null(refusals_at(gate_refusals(fixture->gate), 1));
    fixture->conf.connections_per_second = 0;
    assert_int_equal(knock(fixture, "192.0.2.7"), GATE_OPEN);
}

static void deny_is_stronger_than_allow_and_exempt_and_an_empty_allow_lets_nobody_in(void **state)
{
    struct fixture *fixture = *state;
    put(&fixture->conf.deny, "127.0.0.9");
    put(&fixture->conf.deny, "2001:db8::/32");
    assert_int_equal(knock(fixture, "192.0.2.7"), GATE_OPEN);
    assert_int_equal(knock(fixture, "127.0.0.9"), GATE_DENIED);
    assert_int_equal(knock(fixture, "2001:db8:1:2::3"), GATE_DENIED);
    assert_refused(fixture, 0, "127.0.0.9", "deny", 1);
    assert_refused(fixture, 1, "2001:db8:1:2::/64", "deny", 1);
    fixture->conf.allow.file = strdup("/allow");
    assert_int_equal(knock(fixture, "192.0.2.7"), GATE_DENIED);
    assert_int_equal(knock(fixture, "127.0.0.1"), GATE_DENIED);
    put(&fixture->conf.allow, "127.0.0.0/24");
    assert_int_equal(knock(fixture, "127.0.0.1"), GATE_OPEN);
    assert_int_equal(knock(fixture, "127.0.0.9"), GATE_DENIED);
}

static void who_is_refused_is_forgotten_after_ten_minutes(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < 6; i++)
        knock(fixture, "192.0.2.7");
    gate_tick(fixture->gate, 1000 + REFUSALS_OVER_MS - 1);
    assert_refused(fixture, 0, "192.0.2.7", "connections-per-second", 1);
    gate_tick(fixture->gate, 1000 + REFUSALS_OVER_MS);
    assert_null(refusals_at(gate_refusals(fixture->gate), 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_lists_everybody_may_knock_but_not_too_often),
        TEST(deny_is_stronger_than_allow_and_exempt_and_an_empty_allow_lets_nobody_in),
        TEST(who_is_refused_is_forgotten_after_ten_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
