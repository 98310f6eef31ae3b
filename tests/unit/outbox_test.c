// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players on their way to a worker that does not read for a while, or never again (entry/outbox.h).
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "connection.h"
#include "entry/outbox.h"
#include "vault/handover.h"

#include <stdlib.h>

#define MANY 2000u // more than a queue takes

struct fixture {
    struct event_base *base;
    struct outbox *outbox;
    int queue;
    int sending;
    int n_fds; // before all
    unsigned n_flows;
    unsigned n_come;
};

static void on_flows(void *arg)
{
    struct fixture *fixture = arg;
    fixture->n_flows++;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->n_fds = connection_count_fds();
    fixture->base = event_base_new();
    assert_int_equal(handover_make(&fixture->queue, &fixture->sending), 0);
    fixture->outbox = outbox_make(&(struct outbox_setup){
        .base = fixture->base, .sending = fixture->sending, .flows = on_flows, .arg = fixture});
    assert_non_null(fixture->outbox);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    outbox_free(fixture->outbox);
    event_base_free(fixture->base);
    close(fixture->sending);
    if (fixture->queue >= 0)
        close(fixture->queue);
    assert_int_equal(connection_count_fds(), fixture->n_fds);
    free(fixture);
    return 0;
}

// The n-th player. Returns its end.
static int come(const struct fixture *fixture, unsigned n)
{
    const struct arrival arrival = {.port = (uint16_t)n};
    int player, ours;
    connection_make(&player, &ours);
    assert_true(outbox_put(fixture->outbox, &arrival, ours));
    return player;
}

// Until some wait. Returns how many have come.
static unsigned come_until_it_is_full(const struct fixture *fixture, unsigned n_waiting)
{
    unsigned n = 0;
    while (outbox_count(fixture->outbox) < n_waiting && n < MANY)
        close(come(fixture, ++n));
    assert_int_equal(outbox_count(fixture->outbox), n_waiting);
    return n;
}

// The worker reads what there is, from the n-th message on. Returns the number of the next.
static unsigned read_on(const struct fixture *fixture, unsigned n)
{
    struct handover message;
    int fd;
    for (; handover_peek(fixture->queue, &message, &fd) == HANDOVER_THERE; n++) {
        assert_int_equal(message.number, n);
        assert_int_equal(message.arrival.port, n);
        assert_int_equal(message.worker, 0);
        handover_take(fixture->queue);
        close(fd);
    }
    return n;
}

static void who_comes_is_handed_on_at_once_and_let_go_of(void **state)
{
    const struct fixture *fixture = *state;
    char byte;
    int player = come(fixture, 1);
    assert_int_equal(outbox_count(fixture->outbox), 0);
    assert_int_equal(read_on(fixture, 1), 2);
    assert_int_equal(recv(player, &byte, 1, 0), 0); // nobody has it any more
    close(player);
}

static void who_cannot_be_handed_on_is_kept_and_comes_in_turn(void **state)
{
    struct fixture *fixture = *state;
    unsigned n = come_until_it_is_full(fixture, 3);
    assert_int_equal(fixture->n_flows, 0);
    unsigned next = read_on(fixture, 1);
    assert_int_equal(next, n - 2);
    // There is room again, but who waits is first.
    close(come(fixture, n + 1));
    assert_int_equal(outbox_count(fixture->outbox), 4);
    while (outbox_count(fixture->outbox) > 0)
        event_base_loop(fixture->base, EVLOOP_ONCE);
    assert_int_equal(fixture->n_flows, 1);
    assert_int_equal(read_on(fixture, next), n + 2);
    close(come(fixture, n + 2));
    assert_int_equal(outbox_count(fixture->outbox), 0);
    assert_int_equal(read_on(fixture, n + 2), n + 3);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
    struct fixture *fixture = arg;
    (void)fd;
    (void)what;
    close(come(fixture, ++fixture->n_come));
}

// ... and not only when nobody comes any more.
static void it_is_tried_again_while_others_come(void **state)
{
    struct fixture *fixture = *state;
    const struct timeval often = {.tv_usec = 5000};
    struct event *timer = event_new(fixture->base, -1, EV_PERSIST, on_time, fixture);
    fixture->n_come = come_until_it_is_full(fixture, 1);
    unsigned next = read_on(fixture, 1);
    unsigned most = fixture->n_come + 200;
    event_add(timer, &often);
    while (fixture->n_flows == 0 && fixture->n_come < most)
        event_base_loop(fixture->base, EVLOOP_ONCE);
    event_free(timer);
    assert_int_equal(fixture->n_flows, 1);
    assert_int_equal(read_on(fixture, next), fixture->n_come + 1);
}

static void who_waits_at_the_end_is_disconnected(void **state)
{
    const struct fixture *fixture = *state;
    char byte;
    unsigned n = come_until_it_is_full(fixture, 1);
    int player = come(fixture, n + 1);
    assert_int_equal(recv(player, &byte, 1, MSG_DONTWAIT), -1);
    outbox_free(fixture->outbox);
    ((struct fixture *)*state)->outbox = NULL;
    assert_int_equal(recv(player, &byte, 1, 0), 0);
    close(player);
}

static void when_nobody_has_the_queue_any_more_who_comes_is_kept(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->queue);
    fixture->queue = -1;
    int player = come(fixture, 1);
    assert_int_equal(outbox_count(fixture->outbox), 1);
    event_base_loop(fixture->base, EVLOOP_ONCE);
    assert_int_equal(outbox_count(fixture->outbox), 1);
    assert_int_equal(fixture->n_flows, 0);
    close(player);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_comes_is_handed_on_at_once_and_let_go_of),
        TEST(who_cannot_be_handed_on_is_kept_and_comes_in_turn),
        TEST(it_is_tried_again_while_others_come),
        TEST(who_waits_at_the_end_is_disconnected),
        TEST(when_nobody_has_the_queue_any_more_who_comes_is_kept),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
