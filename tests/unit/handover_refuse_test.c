// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What is refused in the queue between entry and worker (vault/handover.h), and what waits when
// something is short; no descriptor is left open by either.
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
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static void an_entry_knows_whether_anybody_hears_it(void **state)
{
    struct queue *fixture = *state;
    assert_true(handover_is_heard(fixture->sending));
    handover_order(fixture->queue, HANDOVER_LOG);
    assert_true(handover_is_heard(fixture->sending));
    assert_int_equal(handover_hear(fixture->sending), HANDOVER_LOG);
    int ends[2];
    assert_int_equal(handover_make(&ends[0], &ends[1]), 0);
    close(ends[0]);
    assert_false(handover_is_heard(ends[1]));
    close(ends[1]);
    assert_false(handover_is_heard(ends[1]));
}

// An entry may have made it wait for its own end.
static void whose_connection_is_closed_is_not_waited_for(void **state)
{
    const struct queue *fixture = *state;
    struct handover message = {.number = 1};
    struct linger linger = {.l_onoff = 1, .l_linger = 9};
    socklen_t n = sizeof linger;
    int fd = queue_make_connection();
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger), 0);
    assert_int_equal(handover_send(fixture->sending, &message, fd), 0);
    close(fd);
    assert_int_equal(handover_peek(fixture->queue, &message, &fd), HANDOVER_THERE);
    assert_int_equal(getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &n), 0);
    assert_int_equal(linger.l_onoff, 0);
    close(fd);
    handover_take(fixture->queue);
}

// It is refused, nothing of it stays open, and who comes behind it is let in.
static void assert_wrong(const struct queue *fixture)
{
    int n_fds = connection_count_fds();
    queue_assert_head(fixture, HANDOVER_WRONG);
    queue_assert_head(fixture, HANDOVER_WRONG);
    assert_int_equal(connection_count_fds(), n_fds);
    handover_take(fixture->queue);
    queue_send_player(fixture, 7);
    queue_assert_player(fixture, 7);
    handover_take(fixture->queue);
    queue_assert_head(fixture, HANDOVER_NONE);
    assert_int_equal(connection_count_fds(), n_fds);
}

static void a_message_of_another_length_is_refused(void **state)
{
    const struct queue *fixture = *state;
    static const uint8_t zeros[2 * sizeof(struct handover)];
    const size_t size = sizeof(struct handover);
    const size_t lengths[] = {0, 1, 8, size - 1, size + 1, sizeof zeros};
    int fd = queue_make_connection();
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        queue_send_anything(fixture, zeros, lengths[i], &fd, 1);
        assert_wrong(fixture);
        if (lengths[i] == 0)
            continue; // without a descriptor it cannot be told from the end
        queue_send_anything(fixture, zeros, lengths[i], NULL, 0);
        assert_wrong(fixture);
    }
    close(fd);
}

static void a_message_of_another_number_of_descriptors_is_refused(void **state)
{
    const struct queue *fixture = *state;
    const struct handover message = {.number = 1};
    int fds[QUEUE_MOST_FDS];
    for (unsigned i = 0; i < QUEUE_MOST_FDS; i++)
        fds[i] = queue_make_connection();
    for (unsigned n = 0; n <= QUEUE_MOST_FDS; n++) {
        if (n == 1)
            continue;
        queue_send_anything(fixture, &message, sizeof message, fds, n);
        assert_wrong(fixture);
        if (n == 0)
            continue;
        queue_send_anything(fixture, NULL, 0, fds, n);
        assert_wrong(fixture);
    }
    for (unsigned i = 0; i < QUEUE_MOST_FDS; i++)
        close(fds[i]);
}

static void refuse_descriptor(const struct queue *fixture, int fd)
{
    const struct handover message = {.number = 1};
    assert_true(fd >= 0);
    queue_send_anything(fixture, &message, sizeof message, &fd, 1);
    close(fd);
    assert_wrong(fixture);
}

static void a_descriptor_that_is_no_connection_is_refused(void **state)
{
    const struct queue *fixture = *state;
    int listening = socket(AF_INET, SOCK_STREAM, 0);
    int pair[2];
    assert_int_equal(listen(listening, 1), 0);
    refuse_descriptor(fixture, listening);
    listening = socket(AF_INET6, SOCK_STREAM, 0);
    if (listening >= 0 && listen(listening, 1) == 0)
        refuse_descriptor(fixture, listening);
    else if (listening >= 0)
        close(listening);
    refuse_descriptor(fixture, socket(AF_INET, SOCK_DGRAM, 0));
    assert_int_equal(pipe(pair), 0);
    refuse_descriptor(fixture, pair[0]);
    refuse_descriptor(fixture, pair[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    refuse_descriptor(fixture, pair[0]);
    refuse_descriptor(fixture, pair[1]);
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
    refuse_descriptor(fixture, pair[0]);
    refuse_descriptor(fixture, pair[1]);
    refuse_descriptor(fixture, memfd_create("a test", 0));
    refuse_descriptor(fixture, open("/", O_RDONLY));
    refuse_descriptor(fixture, open("/", O_PATH));
    // The queue's own ends: nobody could see its end any more.
    refuse_descriptor(fixture, dup(fixture->queue));
    refuse_descriptor(fixture, dup(fixture->sending));
}

static void a_number_that_has_no_key_of_its_own_is_refused(void **state)
{
    const struct queue *fixture = *state;
    const uint64_t numbers[] = {UINT64_C(1) << 40, (UINT64_C(1) << 40) + 1, UINT64_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        queue_send_player(fixture, numbers[i]);
        assert_wrong(fixture);
    }
    queue_send_player(fixture, (UINT64_C(1) << 40) - 1);
    queue_assert_player(fixture, (UINT64_C(1) << 40) - 1);
}

// ---- Shortage ----

static void without_room_for_a_descriptor_the_player_waits(void **state)
{
    const struct queue *fixture = *state;
    queue_send_player(fixture, 1);
    int n_fds = connection_count_fds();
    struct rlimit limit = queue_limit_fds(0);
    for (int i = 0; i < 3; i++) {
        queue_assert_head(fixture, HANDOVER_SHORT);
        assert_int_equal(errno, EMFILE);
    }
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(connection_count_fds(), n_fds);
    queue_assert_player(fixture, 1);
    handover_take(fixture->queue);
    queue_assert_head(fixture, HANDOVER_NONE);
}

static void of_two_descriptors_for_which_there_is_room_for_one_none_stays(void **state)
{
    const struct queue *fixture = *state;
    const struct handover message = {.number = 1};
    int fds[2] = {queue_make_connection(), queue_make_connection()};
    queue_send_anything(fixture, &message, sizeof message, fds, 2);
    struct rlimit limit = queue_limit_fds(1);
    queue_assert_head(fixture, HANDOVER_WRONG);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    close(fds[0]);
    close(fds[1]);
    assert_wrong(fixture);
}

static void what_is_no_queue_has_ended_or_cannot_be_read(void **state)
{
    const struct queue *fixture = *state;
    const struct queue other = {.queue = socket(AF_UNIX, SOCK_SEQPACKET, 0)};
    queue_assert_head(&other, HANDOVER_ENDED);
    close(other.queue);
    queue_assert_head(&other, HANDOVER_SHORT);
    assert_int_equal(errno, EBADF);
    queue_assert_head(fixture, HANDOVER_NONE);
}

static void a_queue_that_cannot_be_had_is_none(void **state)
{
    (void)state;
    int ends[2] = {-7, -7};
    struct rlimit limit = queue_limit_fds(0);
    const int result = handover_make(&ends[0], &ends[1]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(result, -1);
    assert_int_equal(ends[0], -7);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_set_up, queue_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_entry_knows_whether_anybody_hears_it),
        TEST(whose_connection_is_closed_is_not_waited_for),
        TEST(a_message_of_another_length_is_refused),
        TEST(a_message_of_another_number_of_descriptors_is_refused),
        TEST(a_descriptor_that_is_no_connection_is_refused),
        TEST(a_number_that_has_no_key_of_its_own_is_refused),
        TEST(without_room_for_a_descriptor_the_player_waits),
        TEST(of_two_descriptors_for_which_there_is_room_for_one_none_stays),
        TEST(what_is_no_queue_has_ended_or_cannot_be_read),
        TEST(a_queue_that_cannot_be_had_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
