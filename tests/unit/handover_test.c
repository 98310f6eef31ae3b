// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The queue between entry and worker (vault/handover.h), over real connections: what comes out of it,
// in its order and once. What the worker makes of it is inbox_test's; that its death costs nobody,
// tests/crash'.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue.h"

#include "connection.h"

#include <errno.h>
#include <sys/resource.h>
#include <unistd.h>

static void players_come_in_their_order_and_stay_until_they_are_taken(void **state)
{
    const struct queue *fixture = *state;
    queue_assert_head(fixture, HANDOVER_NONE);
    for (uint64_t number = 1; number <= 3; number++)
        queue_send_player(fixture, number);
    for (uint64_t number = 1; number <= 3; number++) {
        queue_assert_player(fixture, number);
        queue_assert_player(fixture, number);
        handover_take(fixture->queue);
    }
    queue_assert_head(fixture, HANDOVER_NONE);
    handover_take(fixture->queue); // of nothing
    queue_assert_head(fixture, HANDOVER_NONE);
}

static void what_arrives_is_the_connection_itself(void **state)
{
    const struct queue *fixture = *state;
    struct handover message = {.number = 1};
    int player, ours, fd;
    char byte = 0;
    connection_make(&player, &ours);
    assert_int_equal(handover_send(fixture->sending, &message, ours), 0);
    close(ours);
    assert_int_equal(handover_peek(fixture->queue, &message, &fd), HANDOVER_THERE);
    handover_take(fixture->queue);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    assert_int_equal(recv(player, &byte, 1, 0), 1);
    assert_int_equal(byte, 'x');
    close(fd);
    assert_int_equal(recv(player, &byte, 1, 0), 0); // nobody else has it
    close(player);
}

static void who_is_thrown_away_is_disconnected(void **state)
{
    const struct queue *fixture = *state;
    const struct handover message = {.number = 1};
    int player, ours;
    char byte;
    connection_make(&player, &ours);
    assert_int_equal(handover_send(fixture->sending, &message, ours), 0);
    close(ours);
    handover_take(fixture->queue);
    assert_int_equal(recv(player, &byte, 1, 0), 0);
    close(player);
}

static void a_full_queue_says_so_and_has_room_again(void **state)
{
    const struct queue *fixture = *state;
    struct handover message = {.number = 0};
    uint64_t n_sent = 0;
    int fd = queue_make_connection();
    while (message.number = n_sent + 1, handover_send(fixture->sending, &message, fd) == 0)
        n_sent++;
    assert_int_equal(errno, EAGAIN);
    assert_true(n_sent >= 8);
    for (uint64_t number = 1; number <= n_sent; number++) {
        struct handover it;
        int given;
        assert_int_equal(handover_peek(fixture->queue, &it, &given), HANDOVER_THERE);
        assert_int_equal(it.number, number);
        close(given);
        handover_take(fixture->queue);
    }
    assert_int_equal(handover_send(fixture->sending, &message, fd), 0);
    close(fd);
}

static void as_many_as_may_have_descriptors_in_flight_are_sent(void **state)
{
    const struct queue *fixture = *state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit less = {.rlim_cur = 40, .rlim_max = limit.rlim_max};
    const struct handover message = {.number = 1};
    int fd = queue_make_connection();
    bool is_root = geteuid() == 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
    while (handover_send(fixture->sending, &message, fd) == 0)
        ;
    // Root may have more in flight.
    assert_true(errno == ETOOMANYREFS || (is_root && errno == EAGAIN));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close(fd);
}

static void what_a_dead_entry_has_sent_is_read_before_its_end(void **state)
{
    struct queue *fixture = *state;
    for (uint64_t number = 1; number <= 2; number++)
        queue_send_player(fixture, number);
    queue_die(fixture);
    for (uint64_t number = 1; number <= 2; number++) {
        queue_assert_player(fixture, number);
        handover_take(fixture->queue);
    }
    queue_assert_head(fixture, HANDOVER_ENDED);
    queue_assert_head(fixture, HANDOVER_ENDED);
    handover_take(fixture->queue);
    queue_assert_head(fixture, HANDOVER_ENDED);
}

// That it has not heard an order is no reason to lose whom it has sent.
static void so_it_is_when_it_dies_with_an_order_unread(void **state)
{
    struct queue *fixture = *state;
    queue_send_player(fixture, 1);
    queue_send_player(fixture, 2);
    handover_order(fixture->queue, HANDOVER_RETIRE);
    queue_die(fixture);
    queue_assert_player(fixture, 1);
    handover_take(fixture->queue);
    queue_assert_player(fixture, 2);
    handover_take(fixture->queue);
    queue_assert_head(fixture, HANDOVER_ENDED);
}

static void
an_entry_that_dies_between_look_and_take_leaves_nothing_to_be_looked_at_twice(void **state)
{
    struct queue *fixture = *state;
    queue_send_player(fixture, 1);
    queue_send_player(fixture, 2);
    handover_order(fixture->queue, HANDOVER_RETIRE);
    queue_assert_player(fixture, 1);
    queue_die(fixture);
    handover_take(fixture->queue);
    queue_assert_player(fixture, 2);
    handover_take(fixture->queue);
    queue_assert_head(fixture, HANDOVER_ENDED);
}

static void what_was_sent_is_read_before_the_end_of_a_queue_that_was_shut(void **state)
{
    const struct queue *fixture = *state;
    const struct handover message = {.number = 2};
    queue_send_player(fixture, 1);
    assert_int_equal(shutdown(fixture->queue, SHUT_RDWR), 0);
    int fd = queue_make_connection();
    assert_int_equal(handover_send(fixture->sending, &message, fd), -1);
    assert_int_equal(errno, EPIPE);
    close(fd);
    queue_assert_player(fixture, 1);
    handover_take(fixture->queue);
    queue_assert_head(fixture, HANDOVER_ENDED);
    assert_int_equal(handover_hear(fixture->sending), -1);
}

static void orders_are_heard_one_by_one_and_the_end_of_all_who_give_them(void **state)
{
    struct queue *fixture = *state;
    assert_int_equal(handover_hear(fixture->sending), 0);
    handover_order(fixture->queue, HANDOVER_OPEN);
    handover_order(fixture->queue, HANDOVER_OPEN);
    handover_order(fixture->queue, HANDOVER_RETIRE);
    assert_int_equal(handover_hear(fixture->sending), HANDOVER_OPEN);
    assert_int_equal(handover_hear(fixture->sending), HANDOVER_OPEN);
    assert_int_equal(handover_hear(fixture->sending), HANDOVER_RETIRE);
    assert_int_equal(handover_hear(fixture->sending), 0);
    int other = dup(fixture->queue); // of a process that lives
    close(fixture->queue);
    assert_int_equal(handover_hear(fixture->sending), 0);
    close(other);
    assert_int_equal(handover_hear(fixture->sending), -1);
    handover_order(fixture->sending, HANDOVER_OPEN); // to nobody: no signal
    fixture->queue = -1;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_set_up, queue_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(players_come_in_their_order_and_stay_until_they_are_taken),
        TEST(what_arrives_is_the_connection_itself),
        TEST(who_is_thrown_away_is_disconnected),
        TEST(a_full_queue_says_so_and_has_room_again),
        TEST(as_many_as_may_have_descriptors_in_flight_are_sent),
        TEST(what_a_dead_entry_has_sent_is_read_before_its_end),
        TEST(so_it_is_when_it_dies_with_an_order_unread),
        TEST(an_entry_that_dies_between_look_and_take_leaves_nothing_to_be_looked_at_twice),
        TEST(what_was_sent_is_read_before_the_end_of_a_queue_that_was_shut),
        TEST(orders_are_heard_one_by_one_and_the_end_of_all_who_give_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
