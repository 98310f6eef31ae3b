// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A queue and its two ends (queue.h). Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue.h"

#include "connection.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int queue_set_up(void **state)
{
    struct queue *fixture = calloc(1, sizeof *fixture);
    fixture->n_fds = connection_count_fds();
    assert_int_equal(handover_make(&fixture->queue, &fixture->sending), 0);
    *state = fixture;
    return 0;
}

int queue_tear_down(void **state)
{
    struct queue *fixture = *state;
    close(fixture->queue);
    if (fixture->sending >= 0)
        close(fixture->sending);
    assert_int_equal(connection_count_fds(), fixture->n_fds);
    free(fixture);
    return 0;
}

int queue_make_connection(void)
{
    int player, ours;
    connection_make(&player, &ours);
    close(player);
    return ours;
}

void queue_send_player(const struct queue *fixture, uint64_t number)
{
    const struct handover message = {.number = number, .arrival.port = (uint16_t)number};
    int fd = queue_make_connection();
    assert_int_equal(handover_send(fixture->sending, &message, fd), 0);
    close(fd);
}

void queue_assert_head(const struct queue *fixture, enum handover_head expected)
{
    struct handover message;
    int fd = -2;
    assert_int_equal(handover_peek(fixture->queue, &message, &fd), expected);
    assert_int_equal(fd, -1);
}

void queue_assert_player(const struct queue *fixture, uint64_t number)
{
    struct handover message;
    int fd;
    assert_int_equal(handover_peek(fixture->queue, &message, &fd), HANDOVER_THERE);
    assert_int_equal(message.number, number);
    assert_int_equal(message.arrival.port, (uint16_t)number);
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    close(fd);
}

void queue_die(struct queue *fixture)
{
    close(fixture->sending);
    fixture->sending = -1;
}

// As many descriptors as this process has, and n more. Returns the limit of before.
struct rlimit queue_limit_fds(rlim_t n)
{
    struct rlimit limit;
    int lowest = dup(0); // all below are in use, or of the same kind as those above
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    close(lowest);
    const struct rlimit less = {.rlim_cur = (rlim_t)lowest + n, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
    return limit;
}

void queue_send_anything(const struct queue *fixture, const void *bytes, size_t n_bytes,
                         const int *fds, unsigned n_fds)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(QUEUE_MOST_FDS * sizeof(int))];
    } control = {.header = {.cmsg_len = CMSG_LEN(n_fds * sizeof *fds),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS}};
    struct iovec iovec = {(void *)(uintptr_t)bytes, n_bytes};
    struct msghdr header = {.msg_iov = &iovec, .msg_iovlen = 1};
    if (n_fds > 0) {
        memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof *fds);
        header.msg_control = &control;
        header.msg_controllen = CMSG_SPACE(n_fds * sizeof *fds);
    }
    assert_int_equal(sendmsg(fixture->sending, &header, 0), (ssize_t)n_bytes);
}
