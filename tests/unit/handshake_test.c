// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How handshakes end that come to nothing: each gives back its place and its descriptor at once, is
// told once, and is freed after the callbacks, in one of which it may have been ended. (Those that
// come to something are played end to end.)
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "entry/handshake.h"
#include "vault/suspects.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MANY 5u

struct fixture {
    struct page_pulse pulse;
    struct outbox *outbox;
    struct conf conf;
    struct vault_view view;
    struct event_base *base;
    SSL_CTX *context;
    struct gate *gate;
    struct lingering *lingering;
    struct handshakes *handshakes;
    int player[MANY];
    unsigned n_room; // how often there was room again
    uint32_t n_left; // under way when that was said last
};

static uint64_t later_ms; // the test's clock goes before the kernel's by so much

int __real_clock_gettime(clockid_t clock, struct timespec *time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *time);

int __wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    int result = __real_clock_gettime(clock, time);
    time->tv_sec += (time_t)(later_ms / 1000);
    return result;
}

static void on_flow(void *arg)
{
    (void)arg;
    fail_msg("nobody has shaken hands");
}

static void on_room(void *arg)
{
    struct fixture *fixture = arg;
    fixture->n_room++;
    fixture->n_left = handshakes_count(fixture->handshakes);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->base = event_base_new();
    fixture->context = SSL_CTX_new(TLS_server_method());
    fixture->conf.handshake_timeout_ms = 60000;
    fixture->conf.max_handshakes = MANY;
    fixture->gate =
        gate_make(&(struct gate_setup){.conf = &fixture->conf, .has_spoken = handshake_has_spoken});
    fixture->lingering = lingering_make(fixture->base);
    fixture->outbox = outbox_make(&(struct outbox_setup){
        .base = fixture->base, .sending = -1, .flows = on_flow, .arg = fixture});
    assert_true(fixture->gate && fixture->lingering && fixture->outbox);
    fixture->handshakes =
        handshakes_make(&(struct handshakes_setup){.base = fixture->base,
                                                   .pulse = &fixture->pulse,
                                                   .conf = &fixture->conf,
                                                   .gate = fixture->gate,
                                                   .lingering = fixture->lingering,
                                                   .outbox = fixture->outbox,
                                                   .view = &fixture->view,
                                                   .room = on_room,
                                                   .arg = fixture});
    assert_non_null(fixture->handshakes);
    for (unsigned i = 0; i < MANY; i++)
        fixture->player[i] = -1;
    later_ms = 0;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    handshakes_free(fixture->handshakes);
    outbox_free(fixture->outbox);
    lingering_free(fixture->lingering);
    gate_free(fixture->gate);
    for (unsigned i = 0; i < MANY; i++)
        if (fixture->player[i] >= 0)
            close(fixture->player[i]);
    SSL_CTX_free(fixture->context);
    event_base_free(fixture->base);
    free(fixture);
    return 0;
}

// Player i begins one, from an address that ends in this byte.
static void begin(struct fixture *fixture, unsigned i, uint8_t address)
{
    struct handshake_newcomer newcomer = {.address = {[10] = 0xff, [11] = 0xff, [15] = address},
                                          .port = 1,
                                          .context = fixture->context};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    fixture->player[i] = pair[0];
    newcomer.fd = pair[1];
    handshake_start(fixture->handshakes, &newcomer);
}

// A balancer begins one for a player, who is to speak TLS.
static void begin_for_a_player(struct fixture *fixture, unsigned i)
{
    struct handshake_newcomer newcomer = {.address = {[10] = 0xff, [11] = 0xff, 10, 0, 0, 2},
                                          .is_balancer = true,
                                          .context = fixture->context};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    fixture->player[i] = pair[0];
    newcomer.fd = pair[1];
    handshake_start(fixture->handshakes, &newcomer);
}

static void say(const struct fixture *fixture, unsigned i, const char *words)
{
    assert_int_equal(write(fixture->player[i], words, strlen(words)), strlen(words));
    for (int turn = 0; turn < 4; turn++)
        event_base_loop(fixture->base, EVLOOP_NONBLOCK);
}

static bool is_closed(const struct fixture *fixture, unsigned i)
{
    char bytes[64];
    ssize_t n;
    while ((n = read(fixture->player[i], bytes, sizeof bytes)) > 0)
        ; // an alert
    return n == 0 || errno == ECONNRESET;
}

static void say_nonsense(const struct fixture *fixture, unsigned i)
{
    assert_int_equal(write(fixture->player[i], "connect guest guest\r\n", 21), 21);
}

// The head of a record that never comes whole.
static void say_half(const struct fixture *fixture, unsigned i)
{
    assert_int_equal(write(fixture->player[i], "\x16\x03\x01\x01\x00", 5), 5);
}

static bool is_told(const struct fixture *fixture, unsigned i)
{
    static const uint8_t alert[] = {21, 3, 3, 0, 2, 2, 80};
    uint8_t bytes[64];
    return read(fixture->player[i], bytes, sizeof bytes) == sizeof alert &&
           memcmp(bytes, alert, sizeof alert) == 0 &&
           read(fixture->player[i], bytes, sizeof bytes) == 0;
}

static void one_that_fails_gives_its_place_and_its_descriptor_back(void **state)
{
    struct fixture *fixture = *state;
    begin(fixture, 0, 1);
    begin(fixture, 1, 1);
    assert_int_equal(handshakes_count(fixture->handshakes), 2);
    say_nonsense(fixture, 0);
    event_base_loop(fixture->base, EVLOOP_ONCE);
    assert_int_equal(fixture->n_room, 1);
    assert_int_equal(fixture->n_left, 1);
    assert_true(is_closed(fixture, 0));
    assert_false(is_closed(fixture, 1));
}

static void one_whose_time_is_over_when_its_bytes_come_ends_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->conf.handshake_timeout_ms = 0; // so both come in one turn of the loop
    begin(fixture, 0, 1);
    say_nonsense(fixture, 0);
    event_base_loop(fixture->base, EVLOOP_ONCE);
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->n_room, 1);
    assert_int_equal(handshakes_count(fixture->handshakes), 0);
    assert_true(is_closed(fixture, 0));
}

// What is no ClientHello, so that it is answered by an alert; unless its sender has left.
static void say_wrong_hello(const struct fixture *fixture, unsigned i)
{
    assert_int_equal(write(fixture->player[i], "\x16\x03\x01\x00\x04\x00\x00\x00\x00", 9), 9);
}

static void who_has_said_hello_and_left_is_not_answered(void **state)
{
    struct fixture *fixture = *state;
    uint8_t bytes[64];
    for (unsigned i = 0; i < 2; i++) {
        begin(fixture, i, 1);
        say_wrong_hello(fixture, i);
        if (i == 1)
            shutdown(fixture->player[i], SHUT_WR);
        while (fixture->n_room == i)
            event_base_loop(fixture->base, EVLOOP_ONCE);
    }
    assert_true(read(fixture->player[0], bytes, sizeof bytes) > 0);
    assert_true(read(fixture->player[1], bytes, sizeof bytes) <= 0);
}

// A ClientHello with a key share of a hybrid group does not fit into a packet. This one is as long
// by the protocols that it offers.
static int make_long_hello(uint8_t *hello, int size)
{
    uint8_t alpn[2000];
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL *player = SSL_new(context);
    BIO *sent = BIO_new(BIO_s_mem());
    memset(alpn, 9, sizeof alpn); // names of nine bytes
    assert_int_equal(SSL_set_alpn_protos(player, alpn, sizeof alpn), 0);
    SSL_set_bio(player, BIO_new(BIO_s_mem()), sent);
    assert_int_equal(SSL_connect(player), -1);
    int n = BIO_read(sent, hello, size);
    SSL_free(player);
    SSL_CTX_free(context);
    return n;
}

static void a_hello_of_several_packets_is_read_as_they_come(void **state)
{
    struct fixture *fixture = *state;
    uint8_t hello[4096], alert[64];
    size_t n = (size_t)make_long_hello(hello, sizeof hello);
    assert_true(n > 2000);
    begin(fixture, 0, 1);
    for (size_t from = 0; from < n; from += 700) {
        assert_int_equal(read(fixture->player[0], alert, sizeof alert), -1);
        assert_int_equal(fixture->n_room, 0);
        size_t part = n - from < 700 ? n - from : 700;
        assert_int_equal(write(fixture->player[0], hello + from, part), part);
        for (int i = 0; i < 4; i++)
            event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    }
    // It was understood: there is no certificate here, so there is no cipher suite.
    assert_int_equal(fixture->n_room, 1);
    assert_true(read(fixture->player[0], alert, sizeof alert) >= 7);
    assert_int_equal(alert[6], SSL_AD_HANDSHAKE_FAILURE);
}

static void for_one_more_the_oldest_that_has_said_nothing_goes_at_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->conf.max_handshakes = 3;
    begin(fixture, 0, 1);
    begin(fixture, 1, 2);
    begin(fixture, 2, 3);
    say_half(fixture, 0); // which nobody has read yet
    begin(fixture, 3, 4);
    assert_false(is_closed(fixture, 0));
    assert_true(is_closed(fixture, 1));
    assert_false(is_closed(fixture, 2));
    assert_int_equal(handshakes_count(fixture->handshakes), 3);
    assert_int_equal(fixture->n_room, 0); // there is none: the newcomer has it
}

static void when_all_have_spoken_the_oldest_of_the_busiest_network_goes(void **state)
{
    struct fixture *fixture = *state;
    fixture->conf.max_handshakes = 4;
    for (unsigned i = 0; i < 4; i++) {
        begin(fixture, i, i == 1 || i == 2 ? 7 : (uint8_t)i);
        say_half(fixture, i);
        event_base_loop(fixture->base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
    }
    begin(fixture, 4, 9);
    for (unsigned i = 0; i < MANY; i++)
        assert_int_equal(is_closed(fixture, i), i == 1);
}

static void a_crowd_of_which_each_has_another_address_waits_for_its_own(void **state)
{
    struct fixture *fixture = *state;
    fixture->conf.max_handshakes = 3;
    for (unsigned i = 0; i < 3; i++) {
        assert_true(handshakes_have_room(fixture->handshakes));
        begin(fixture, i, (uint8_t)i);
        say_half(fixture, i);
    }
    assert_false(handshakes_have_room(fixture->handshakes));
    later_ms = GATE_PATIENCE_MS + 1000;
    assert_true(handshakes_have_room(fixture->handshakes));
    begin(fixture, 3, 9);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(is_closed(fixture, i), i == 0);
}

static void an_address_that_has_as_many_as_it_may_waits_for_its_own(void **state)
{
    struct fixture *fixture = *state;
    fixture->conf.max_handshakes_per_address = 2;
    begin(fixture, 0, 1);
    begin(fixture, 1, 7);
    begin(fixture, 2, 7);
    begin(fixture, 3, 7);
    assert_false(is_closed(fixture, 0));
    assert_true(is_closed(fixture, 1));
    say_half(fixture, 2);
    say_half(fixture, 3);
    begin(fixture, 4, 7); // nobody gives way, so it is told so
    assert_true(is_told(fixture, 4));
    later_ms = GATE_PATIENCE_MS + 1000;
    close(fixture->player[4]);
    begin(fixture, 4, 7);
    assert_true(is_closed(fixture, 2));
    assert_false(is_closed(fixture, 0) || is_closed(fixture, 3) || is_closed(fixture, 4));
}

static void all_can_be_ended_before_the_loop_has_turned(void **state)
{
    struct fixture *fixture = *state;
    fixture->conf.max_handshakes = 1;
    for (unsigned i = 0; i < MANY; i++)
        begin(fixture, i, 9);
    assert_int_equal(handshakes_count(fixture->handshakes), 1);
    handshakes_free(fixture->handshakes);
    fixture->handshakes = NULL;
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    for (unsigned i = 0; i < MANY; i++)
        assert_true(is_closed(fixture, i));
}

static void a_header_that_is_not_whole_takes_no_processor(void **state)
{
    struct fixture *fixture = *state;
    begin_for_a_player(fixture, 0);
    say(fixture, 0, "PROXY TCP4 192.0.2.7 ");
    struct timespec before, after;
    const struct timeval while_it_waits = {.tv_usec = 100000};
    assert_int_equal(__real_clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &before), 0);
    event_base_loopexit(fixture->base, &while_it_waits);
    event_base_loop(fixture->base, 0); // nothing is ready, so it sleeps
    assert_int_equal(__real_clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &after), 0);
    int64_t used_ns = (after.tv_sec - before.tv_sec) * 1000000000 + after.tv_nsec - before.tv_nsec;
    assert_true(used_ns < 50000000);
    assert_int_equal(handshakes_count(fixture->handshakes), 1);
}

static void before_its_header_a_handshake_counts_for_nobody_and_then_for_whom_it_names(void **state)
{
    struct fixture *fixture = *state;
    fixture->conf.max_handshakes_per_address = 1;
    begin_for_a_player(fixture, 0);
    begin_for_a_player(fixture, 1);
    begin_for_a_player(fixture, 2);
    assert_int_equal(handshakes_count(fixture->handshakes), 3);
    say(fixture, 0, "PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n\x16");
    say(fixture, 1, "PROXY TCP4 192.0.2.8 192.0.2.1 1 2\r\n\x16");
    assert_int_equal(handshakes_count(fixture->handshakes), 3);
    say(fixture, 2, "PROXY TCP4 192.0.2.7 192.0.2.1 3 2\r\n\x16");
    assert_int_equal(handshakes_count(fixture->handshakes), 2);
    assert_true(is_told(fixture, 2));
    const struct refusal *refusal = refusals_at(gate_refusals(fixture->gate), 0);
    assert_non_null(refusal);
    assert_int_equal(refusal->why, GATE_HANDSHAKES);
    assert_memory_equal(refusal->network.address + 12, ((const uint8_t[]){192, 0, 2, 7}), 4);
}

static void a_header_that_is_late_gives_way_for_one_more(void **state)
{
    struct fixture *fixture = *state;
    fixture->conf.max_handshakes = 2;
    begin_for_a_player(fixture, 0);
    begin_for_a_player(fixture, 1);
    say(fixture, 0, "PROXY ");
    begin_for_a_player(fixture, 2);
    assert_false(is_closed(fixture, 0));
    assert_true(is_closed(fixture, 1)); // who had said nothing
    assert_int_equal(handshakes_count(fixture->handshakes), 2);
}

static void a_suspect_that_a_header_names_is_refused(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t suspect[16] = {[10] = 0xff, [11] = 0xff, 192, 0, 2, 7};
    for (int crash = 0; crash < 2; crash++)
        suspects_blame_address(&fixture->view, suspect, clock_boot_ms());
    begin_for_a_player(fixture, 0);
    begin_for_a_player(fixture, 1);
    say(fixture, 0, "PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n");
    say(fixture, 1, "PROXY TCP4 192.0.2.8 192.0.2.1 1 2\r\n");
    assert_true(is_closed(fixture, 0));
    assert_false(is_closed(fixture, 1));
}

static void what_is_no_header_or_a_second_one_ends_it(void **state)
{
    struct fixture *fixture = *state;
    begin_for_a_player(fixture, 0);
    begin_for_a_player(fixture, 1);
    say(fixture, 0, "\x16\x03");
    assert_true(is_closed(fixture, 0));
    say(fixture, 1, "PROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\nPROXY TCP4 192.0.2.7 192.0.2.1 1 2\r\n");
    assert_true(is_closed(fixture, 1));
    assert_int_equal(refusals_at(gate_refusals(fixture->gate), 0)->why, GATE_HEADER);
    assert_int_equal(handshakes_count(fixture->handshakes), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_that_fails_gives_its_place_and_its_descriptor_back),
        TEST(one_whose_time_is_over_when_its_bytes_come_ends_once),
        TEST(who_has_said_hello_and_left_is_not_answered),
        TEST(a_hello_of_several_packets_is_read_as_they_come),
        TEST(for_one_more_the_oldest_that_has_said_nothing_goes_at_once),
        TEST(when_all_have_spoken_the_oldest_of_the_busiest_network_goes),
        TEST(a_crowd_of_which_each_has_another_address_waits_for_its_own),
        TEST(an_address_that_has_as_many_as_it_may_waits_for_its_own),
        TEST(all_can_be_ended_before_the_loop_has_turned),
        TEST(a_header_that_is_not_whole_takes_no_processor),
        TEST(before_its_header_a_handshake_counts_for_nobody_and_then_for_whom_it_names),
        TEST(a_header_that_is_late_gives_way_for_one_more),
        TEST(a_suspect_that_a_header_names_is_refused),
        TEST(what_is_no_header_or_a_second_one_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
