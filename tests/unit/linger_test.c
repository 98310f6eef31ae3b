// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The last words arrive, whatever the other side has sent, and what that may cost has an end.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "entry/linger.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char words[] = "The server is full.\r\n";

struct fixture {
    struct event_base *base;
    struct lingering *lingering;
    int listener;
};

// A connection over TCP, which alone has resets that overtake: the program's side, and ours.
static int join(const struct fixture *fixture, int *ours)
{
    struct sockaddr_in address;
    socklen_t n = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(getsockname(fixture->listener, (struct sockaddr *)&address, &n), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, n), 0);
    *ours = accept4(fixture->listener, NULL, NULL, SOCK_NONBLOCK);
    assert_true(*ours >= 0);
    return fd;
}

static void turn(const struct fixture *fixture)
{
    event_base_loop(fixture->base, EVLOOP_NONBLOCK);
}

static void assert_hears_all(int fd)
{
    char heard[sizeof words] = "";
    size_t n = 0;
    ssize_t got;
    while (n < sizeof heard && (got = recv(fd, heard + n, sizeof heard - n, 0)) > 0)
        n += (size_t)got;
    assert_int_equal(got, 0); // the end, and no reset
    assert_string_equal(heard, words);
}

static void words_arrive_also_at_who_has_sent_what_nobody_has_read(void **state)
{
    struct fixture *fixture = *state;
    static const char sent[50000];
    for (unsigned i = 0; i < 100; i++) {
        int ours;
        int fd = join(fixture, &ours);
        assert_int_equal(send(fd, sent, sizeof sent, 0), sizeof sent);
        linger_close(fixture->lingering, ours, words, strlen(words));
        for (unsigned j = 0; j < 20; j++)
            turn(fixture);
        // It goes on sending before it looks.
        assert_int_equal(send(fd, sent, sizeof sent, MSG_NOSIGNAL), sizeof sent);
        turn(fixture);
        assert_hears_all(fd);
        close(fd);
        turn(fixture);
    }
    while (lingering_count(fixture->lingering))
        event_base_loop(fixture->base, EVLOOP_ONCE);
}

static void who_ends_is_closed_at_once(void **state)
{
    struct fixture *fixture = *state;
    int ours;
    int fd = join(fixture, &ours);
    linger_close(fixture->lingering, ours, NULL, 0);
    turn(fixture);
    assert_int_equal(lingering_count(fixture->lingering), 1);
    shutdown(fd, SHUT_WR);
    event_base_loop(fixture->base, EVLOOP_ONCE);
    assert_int_equal(lingering_count(fixture->lingering), 0);
    close(fd);
}

static void who_says_nothing_is_closed_when_the_time_is_over(void **state)
{
    struct fixture *fixture = *state;
    int ours;
    int fd = join(fixture, &ours);
    uint64_t begun_ms = clock_boot_ms();
    linger_close(fixture->lingering, ours, NULL, 0);
    event_base_dispatch(fixture->base); // until there is nothing to wait for
    assert_true(clock_boot_ms() - begun_ms >= LINGER_MS - 10);
    assert_int_equal(lingering_count(fixture->lingering), 0);
    close(fd);
}

// Neither time nor bytes.
static void who_sends_without_end_is_not_read_without_end(void **state)
{
    struct fixture *fixture = *state;
    static const char sent[65536];
    size_t n = 0;
    int ours;
    int few = 65536;
    int fd = join(fixture, &ours);
    // The kernels' buffers may hold little beside what is read.
    setsockopt(ours, SOL_SOCKET, SO_RCVBUF, &few, sizeof few);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof few);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    uint64_t begun_ms = clock_boot_ms();
    linger_close(fixture->lingering, ours, words, strlen(words));
    while (lingering_count(fixture->lingering)) {
        ssize_t got = send(fd, sent, sizeof sent, MSG_NOSIGNAL);
        n += got > 0 ? (size_t)got : 0;
        if (got < 0)
            event_base_loop(fixture->base, EVLOOP_ONCE);
    }
    assert_in_range(n, LINGER_BYTES, LINGER_BYTES + 1024 * 1024);
    assert_true(clock_boot_ms() - begun_ms >= LINGER_MS - 10);
    close(fd);
}

static void when_there_are_too_many_the_oldest_goes(void **state)
{
    struct fixture *fixture = *state;
    int fd[LINGER_MAX + 1];
    int ours[LINGER_MAX + 1];
    for (unsigned i = 0; i <= LINGER_MAX; i++) {
        fd[i] = join(fixture, &ours[i]);
        linger_close(fixture->lingering, ours[i], NULL, 0);
        assert_true(fcntl(ours[0], F_GETFD) >= 0 || i == LINGER_MAX);
    }
    assert_int_equal(lingering_count(fixture->lingering), LINGER_MAX);
    for (unsigned i = 0; i <= LINGER_MAX; i++) {
        assert_int_equal(fcntl(ours[i], F_GETFD) < 0, i == 0);
        close(fd[i]);
    }
}

static void without_a_place_to_wait_it_is_closed(void **state)
{
    struct fixture *fixture = *state;
    int ours;
    int fd = join(fixture, &ours);
    linger_close(NULL, ours, words, strlen(words));
    assert_hears_all(fd);
    assert_true(fcntl(ours, F_GETFD) < 0);
    close(fd);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    fixture->base = event_base_new();
    fixture->lingering = lingering_make(fixture->base);
    fixture->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fixture->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fixture->listener, 8), 0);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    lingering_free(fixture->lingering);
    event_base_free(fixture->base);
    close(fixture->listener);
    free(fixture);
    return 0;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(words_arrive_also_at_who_has_sent_what_nobody_has_read),
        TEST(who_ends_is_closed_at_once),
        TEST(who_says_nothing_is_closed_when_the_time_is_over),
        TEST(who_sends_without_end_is_not_read_without_end),
        TEST(when_there_are_too_many_the_oldest_goes),
        TEST(without_a_place_to_wait_it_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
