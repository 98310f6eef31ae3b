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

#include "entry/handshake.h"
#include "vault/vault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MANY 5u

struct fixture {
    struct vault vault;
    struct conf conf;
    struct event_base *base;
    SSL_CTX *context;
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

static enum arrival_end on_arrival(void *arg, const struct arrival *arrival, int fd)
{
    (void)arg;
    (void)arrival;
    (void)fd;
    fail_msg("nobody has shaken hands");
    return ARRIVAL_REFUSED;
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
    assert_int_equal(vault_make(&fixture->vault, MANY), 0);
    fixture->base = event_base_new();
    fixture->context = SSL_CTX_new(TLS_server_method());
    fixture->conf.handshake_timeout_ms = 60000;
    fixture->handshakes = handshakes_make(&(struct handshakes_setup){.base = fixture->base,
                                                                     .vault = &fixture->vault,
                                                                     .conf = &fixture->conf,
                                                                     .take = on_arrival,
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
    for (unsigned i = 0; i < MANY; i++)
        if (fixture->player[i] >= 0)
            close(fixture->player[i]);
    SSL_CTX_free(fixture->context);
    event_base_free(fixture->base);
    vault_unmap(&fixture->vault);
    close(fixture->vault.fd);
    free(fixture);
    return 0;
}

// Player i begins one, from an address that ends in this byte.
static void begin(struct fixture *fixture, unsigned i, uint8_t address)
{
    const uint8_t from[16] = {[15] = address};
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    fixture->player[i] = pair[0];
    handshake_start(fixture->handshakes, fixture->context, pair[1], from, 1, 0);
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

static void those_that_give_way_are_the_busiest_addresses_and_are_told_once(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < MANY; i++)
        begin(fixture, i, i == 1 ? 7 : 9);
    handshakes_relieve(fixture->handshakes);
    assert_int_equal(fixture->n_room, 0);
    later_ms = HANDSHAKE_PATIENCE_MS + 1000;
    for (unsigned again = 0; again < 2; again++) {
        // The second time before the loop has turned: those that are over do not count.
        handshakes_relieve(fixture->handshakes);
        assert_int_equal(fixture->n_room, again == 0 ? MANY - 1 : MANY);
        assert_int_equal(fixture->n_left, again == 0 ? 1 : 0);
    }
    for (unsigned i = 0; i < MANY; i++)
        assert_true(is_closed(fixture, i));
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_int_equal(fixture->n_room, MANY);
}

static void all_can_be_ended_before_the_loop_has_turned(void **state)
{
    struct fixture *fixture = *state;
    for (unsigned i = 0; i < MANY; i++)
        begin(fixture, i, 9);
    later_ms = HANDSHAKE_PATIENCE_MS + 1000;
    handshakes_relieve(fixture->handshakes);
    assert_int_equal(handshakes_count(fixture->handshakes), 0);
    close(fixture->player[0]);
    begin(fixture, 0, 9);
    handshakes_free(fixture->handshakes);
    fixture->handshakes = NULL;
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
    assert_true(is_closed(fixture, 0));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_that_fails_gives_its_place_and_its_descriptor_back),
        TEST(one_whose_time_is_over_when_its_bytes_come_ends_once),
        TEST(those_that_give_way_are_the_busiest_addresses_and_are_told_once),
        TEST(all_can_be_ended_before_the_loop_has_turned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
