// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Newcomers at a listening socket whose accept4(2) fails (entry/accept.h): an error pauses, and only a socket that is
// shut is given up.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "connection.h"
#include "entry/accept.h"
#include "vault/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>

struct fixture {
    struct event_base *base;
    struct conf conf;
    struct page_pulse pulse;
    struct vault_view view;
    struct gate *gate;
    struct lingering *lingering;
    struct outbox *outbox;
    struct handshakes *handshakes;
    struct accepting *accepting;
    struct accept_socket socket;
    int queue;
    int sending;
};

static int error_once; // 0: none
static unsigned n_accepts;

int __real_accept4(int fd, struct sockaddr *address, socklen_t *n, int flags);
int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *n, int flags);

int __wrap_accept4(int fd, struct sockaddr *address, socklen_t *n, int flags)
{
    n_accepts++;
    if (error_once == 0)
        return __real_accept4(fd, address, n, flags);
    errno = error_once;
    error_once = 0;
    return -1;
}

static void on_room(void *arg)
{
    const struct fixture *fixture = arg;
    accepting_room(fixture->accepting);
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct conf *conf = &fixture->conf;
    conf->max_handshakes = 8;
    conf->connections_per_second = 1000;
    fixture->base = event_base_new();
    fixture->gate =
        gate_make(&(struct gate_setup){.conf = conf, .has_spoken = handshake_has_spoken});
    fixture->lingering = lingering_make(fixture->base);
    assert_int_equal(handover_make(&fixture->queue, &fixture->sending), 0);
    fixture->outbox = outbox_make(&(struct outbox_setup){
        .base = fixture->base, .sending = fixture->sending, .flows = on_room, .arg = fixture});
    fixture->handshakes =
        handshakes_make(&(struct handshakes_setup){.base = fixture->base,
                                                   .pulse = &fixture->pulse,
                                                   .conf = conf,
                                                   .gate = fixture->gate,
                                                   .lingering = fixture->lingering,
                                                   .outbox = fixture->outbox,
                                                   .room = on_room,
                                                   .arg = fixture});
    fixture->socket = (struct accept_socket){.fd = connection_listen(), .conf = &conf->listener[0]};
    fcntl(fixture->socket.fd, F_SETFL, O_NONBLOCK);
    fixture->accepting = accepting_make(&(struct accepting_setup){.base = fixture->base,
                                                                  .sockets = &fixture->socket,
                                                                  .n_sockets = 1,
                                                                  .handshakes = fixture->handshakes,
                                                                  .gate = fixture->gate,
                                                                  .lingering = fixture->lingering,
                                                                  .outbox = fixture->outbox,
                                                                  .view = &fixture->view});
    assert_non_null(fixture->accepting);
    error_once = 0;
    n_accepts = 0;
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    accepting_free(fixture->accepting);
    handshakes_free(fixture->handshakes);
    outbox_free(fixture->outbox);
    lingering_free(fixture->lingering);
    gate_free(fixture->gate);
    event_base_free(fixture->base);
    close(fixture->queue);
    close(fixture->sending);
    close(fixture->socket.fd);
    free(fixture);
    return 0;
}

static int knock(const struct fixture *fixture)
{
    struct sockaddr_in address;
    socklen_t n = sizeof address;
    assert_int_equal(getsockname(fixture->socket.fd, (struct sockaddr *)&address, &n), 0);
    int player = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(player, (struct sockaddr *)&address, n), 0);
    return player;
}

static bool is_handed_on(const struct fixture *fixture)
{
    struct pollfd queue = {.fd = fixture->queue, .events = POLLIN};
    return poll(&queue, 1, 0) == 1;
}

// The next turns of the loop, until there is nothing to do but wait for what may never come.
static void run(const struct fixture *fixture, unsigned n_turns)
{
    for (unsigned i = 0; i < n_turns && !is_handed_on(fixture); i++)
        event_base_loop(fixture->base, EVLOOP_ONCE);
}

static void who_knocks_is_let_in_after(struct fixture *fixture, int error)
{
    int player = knock(fixture);
    error_once = error;
    run(fixture, 10);
    assert_int_equal(error_once, 0);
    assert_true(is_handed_on(fixture));
    close(player);
}

static void after_a_shortage_who_knocks_is_let_in(void **state)
{
    who_knocks_is_let_in_after(*state, EMFILE);
}

static void after_a_wrong_invalid_who_knocks_is_let_in(void **state)
{
    who_knocks_is_let_in_after(*state, EINVAL);
}

static void a_socket_that_is_shut_is_given_up(void **state)
{
    struct fixture *fixture = *state;
    shutdown(fixture->socket.fd, SHUT_RDWR);
    event_base_loop(fixture->base, EVLOOP_ONCE);
    assert_int_equal(n_accepts, 1);
    // Without the listener the loop has nothing that it could wait for.
    assert_int_equal(event_base_loop(fixture->base, EVLOOP_NONBLOCK), 1);
    assert_int_equal(n_accepts, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(after_a_shortage_who_knocks_is_let_in),
        TEST(after_a_wrong_invalid_who_knocks_is_let_in),
        TEST(a_socket_that_is_shut_is_given_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
