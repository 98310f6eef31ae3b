// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// minimush's side of telnet: options are agreed on without loops, whatever the other side does.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "telnet.h"

#include <string.h>

enum { WILL = 251, WONT = 252, DO = 253, DONT = 254 };

static uint8_t said[4096];
static size_t n_said;

static void collect(struct telnet *telnet)
{
    assert_true(n_said + telnet->n_out <= sizeof said);
    memcpy(said + n_said, telnet->out, telnet->n_out);
    n_said += telnet->n_out;
    telnet->n_out = 0;
}

// The last event that the bytes make; what is answered goes to said.
static enum telnet_event hear(struct telnet *telnet, const void *bytes, size_t n)
{
    const uint8_t *in = bytes;
    enum telnet_event last = TELNET_NOTHING;
    for (size_t i = 0; i < n; i++) {
        enum telnet_event event = telnet_take(telnet, in[i]);
        last = event != TELNET_NOTHING ? event : last;
        collect(telnet);
    }
    return last;
}

static enum telnet_event hear_option(struct telnet *telnet, uint8_t verb, uint8_t option)
{
    uint8_t bytes[] = {TELNET_IAC, verb, option};
    n_said = 0;
    return hear(telnet, bytes, sizeof bytes);
}

static void assert_said(int verb, int option)
{
    uint8_t wanted[] = {TELNET_IAC, (uint8_t)verb, (uint8_t)option};
    assert_int_equal(n_said, 3);
    assert_memory_equal(said, wanted, 3);
}

static void an_offer_is_made_once_and_its_answer_ends_it(void **state)
{
    (void)state;
    struct telnet telnet = {0};
    n_said = 0;
    telnet_wish(&telnet, TELNET_NAWS, false, true);
    telnet_wish(&telnet, TELNET_NAWS, false, true);
    collect(&telnet);
    assert_said(DO, TELNET_NAWS);
    assert_int_equal(hear_option(&telnet, WILL, TELNET_NAWS), TELNET_THEIRS);
    assert_true(telnet_is_on(&telnet, TELNET_NAWS, false) && n_said == 0);
    hear_option(&telnet, WILL, TELNET_NAWS);
    assert_int_equal(n_said, 0);
    assert_int_equal(hear_option(&telnet, WONT, TELNET_NAWS), TELNET_THEIRS);
    assert_said(DONT, TELNET_NAWS);
}

static void a_wish_that_changes_before_the_answer_waits_for_it(void **state)
{
    (void)state;
    struct telnet telnet = {0};
    n_said = 0;
    telnet_wish(&telnet, TELNET_ECHO, true, true);
    telnet_wish(&telnet, TELNET_ECHO, true, false);
    collect(&telnet);
    assert_said(WILL, TELNET_ECHO);
    hear_option(&telnet, DO, TELNET_ECHO);
    assert_said(WONT, TELNET_ECHO);
    telnet_wish(&telnet, TELNET_ECHO, true, true); // and again
    hear_option(&telnet, DONT, TELNET_ECHO);
    assert_said(WILL, TELNET_ECHO);
    hear_option(&telnet, DO, TELNET_ECHO);
    assert_true(telnet_is_on(&telnet, TELNET_ECHO, true));
}

static void what_is_not_known_is_refused_and_refusals_are_not_answered(void **state)
{
    (void)state;
    struct telnet telnet = {0};
    hear_option(&telnet, WILL, 86);
    assert_said(DONT, 86);
    hear_option(&telnet, DO, 3);
    assert_said(WONT, 3);
    hear_option(&telnet, DO, TELNET_ECHO); // nobody else switches it on
    assert_said(WONT, TELNET_ECHO);
    hear_option(&telnet, WONT, 86);
    assert_int_equal(n_said, 0);
    hear_option(&telnet, DONT, 3);
    assert_int_equal(n_said, 0);
}

// Two that both speak RFC 1143 come to an end from any beginning.
static void two_of_us_come_to_an_end(void **state)
{
    (void)state;
    for (unsigned wishes = 0; wishes < 1024; wishes++) {
        struct telnet a = {0};
        struct telnet b = {0};
        size_t n_rounds = 0;
        for (unsigned i = 0; i < 5; i++) {
            telnet_wish(&a, TELNET_CHARSET, i % 2 == 0, (wishes >> i & 1) != 0);
            telnet_wish(&b, TELNET_CHARSET, i % 2 == 0, (wishes >> (5 + i) & 1) != 0);
        }
        while ((a.n_out > 0 || b.n_out > 0) && n_rounds++ < 20) {
            struct telnet *from = a.n_out > 0 ? &a : &b;
            struct telnet *to = from == &a ? &b : &a;
            uint8_t bytes[TELNET_OUT_BYTES];
            uint8_t n = from->n_out;
            memcpy(bytes, from->out, n);
            from->n_out = 0;
            for (uint8_t i = 0; i < n; i++)
                telnet_take(to, bytes[i]);
        }
        assert_true(n_rounds < 20);
        assert_int_equal(telnet_is_on(&a, TELNET_CHARSET, true),
                         telnet_is_on(&b, TELNET_CHARSET, false));
    }
}

static void who_asks_without_an_end_is_not_answered_without_an_end(void **state)
{
    (void)state;
    struct telnet telnet = {0};
    uint8_t bytes[] = {TELNET_IAC, WILL, 99};
    size_t n_answered = 0;
    for (unsigned i = 0; i < 3 * TELNET_MAX_ANSWERS; i++) {
        n_said = 0;
        hear(&telnet, bytes, sizeof bytes);
        n_answered += n_said / 3;
    }
    assert_int_equal(n_answered, TELNET_MAX_ANSWERS);
}

static void a_subnegotiation_comes_whole_or_not_at_all(void **state)
{
    (void)state;
    struct telnet telnet = {0};
    assert_int_equal(hear(&telnet, "\xff\xfa\x1f\x00\xff\xff\x00\x18\xff\xf0", 10), TELNET_SUB);
    assert_int_equal(telnet.n_sub, 4);
    assert_memory_equal(telnet.sub, "\x00\xff\x00\x18", 4);
    assert_int_equal(telnet.option, TELNET_NAWS);
    static uint8_t longer[TELNET_SUB_BYTES + 100];
    memset(longer, 'x', sizeof longer);
    memcpy(longer, "\xff\xfa\xc9", 3);
    assert_int_equal(hear(&telnet, longer, sizeof longer), TELNET_NOTHING);
    assert_true(telnet_is_void(&telnet) && !telnet_is_idle(&telnet));
    struct telnet next = {0}; // the next process goes on in it
    telnet_begin_void(&next);
    assert_int_equal(hear(&next, "more\xff\xf0", 6), TELNET_NOTHING);
    assert_true(telnet_is_idle(&next) && !telnet_is_void(&next));
    assert_int_equal(hear(&next, "t", 1), TELNET_TEXT);
}

static void a_frame_doubles_what_looks_like_a_command(void **state)
{
    (void)state;
    uint8_t out[16];
    assert_int_equal(telnet_frame(TELNET_GMCP,
                                  "a\xff"
                                  "b",
                                  3, out, sizeof out),
                     9);
    assert_memory_equal(out,
                        "\xff\xfa\xc9"
                        "a\xff\xff"
                        "b\xff\xf0",
                        9);
    assert_int_equal(telnet_frame(TELNET_GMCP, out, 9, out, sizeof out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_offer_is_made_once_and_its_answer_ends_it),
        cmocka_unit_test(a_wish_that_changes_before_the_answer_waits_for_it),
        cmocka_unit_test(what_is_not_known_is_refused_and_refusals_are_not_answered),
        cmocka_unit_test(two_of_us_come_to_an_end),
        cmocka_unit_test(who_asks_without_an_end_is_not_answered_without_an_end),
        cmocka_unit_test(a_subnegotiation_comes_whole_or_not_at_all),
        cmocka_unit_test(a_frame_doubles_what_looks_like_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
