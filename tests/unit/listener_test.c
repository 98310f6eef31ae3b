// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who listens at a game's address (game/listener.h): found by sock_diag(7), and by /proc where the
// kernel refuses that. The sockets are real ones on the loopback.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/address.h"
#include "game/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netlink.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_refused; // AF_NETLINK, as by systemd's RestrictAddressFamilies=

int __real_socket(int family, int type, int protocol);
int __wrap_socket(int family, int type, int protocol);

int __wrap_socket(int family, int type, int protocol)
{
    if (family == AF_NETLINK && is_refused) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    return __real_socket(family, type, protocol);
}

static bool is_missing; // tcp_diag, which the kernel then looks for with each question
static unsigned n_answers;

ssize_t __real_recv(int fd, void *bytes, size_t n, int flags);
ssize_t __wrap_recv(int fd, void *bytes, size_t n, int flags);

ssize_t __wrap_recv(int fd, void *bytes, size_t n, int flags)
{
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
    } answer = {.head = {.nlmsg_len = sizeof answer, .nlmsg_type = NLMSG_ERROR},
                .error = {.error = -ENOENT}};
    n_answers++;
    if (!is_missing || n < sizeof answer)
        return __real_recv(fd, bytes, n, flags);
    memcpy(bytes, &answer, sizeof answer);
    return sizeof answer;
}

// Listens there; port 0: any. Returns the descriptor.
static int listen_at(const char *address, uint16_t *port, bool is_v6_only)
{
    struct sockaddr_storage at = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&at;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&at;
    socklen_t n = sizeof at;
    int only = is_v6_only;
    at.ss_family = strchr(address, ':') ? AF_INET6 : AF_INET;
    bool is_v6 = at.ss_family == AF_INET6;
    inet_pton(at.ss_family, address, is_v6 ? (void *)&in6->sin6_addr : (void *)&in->sin_addr);
    *(is_v6 ? &in6->sin6_port : &in->sin_port) = htons(*port);
    int fd = socket(at.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (is_v6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) < 0 || listen(fd, 5) < 0)
        return -1;
    getsockname(fd, (struct sockaddr *)&at, &n);
    *port = ntohs(is_v6 ? in6->sin6_port : in->sin_port);
    return fd;
}

static struct conf_game game_at(const char *address, uint16_t port)
{
    struct conf_game game = {0};
    assert_null(address_parse(address, port, &game.sockaddr, &game.sockaddr_bytes));
    return game;
}

static uint64_t inode_of(int fd)
{
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    return status.st_ino;
}

// What listens at `bound` is found at `asked`, or not.
static void check(const char *bound, bool is_v6_only, const char *asked, bool is_found)
{
    uint16_t port = 0;
    int fd = listen_at(bound, &port, is_v6_only);
    if (fd < 0 && strchr(bound, ':'))
        skip(); // no IPv6 here
    assert_true(fd >= 0);
    struct conf_game game = game_at(asked, port);
    struct listener seen = listener_look(&game);
    assert_int_equal(seen.inode, is_found ? inode_of(fd) : 0);
    assert_int_equal(seen.uid, is_found ? geteuid() : LISTENER_NO_UID);
    close(fd);
    assert_int_equal(listener_look(&game).inode, 0);
}

static void check_all(void)
{
    check("127.0.0.1", false, "127.0.0.1", true);
    check("127.0.0.2", false, "127.0.0.1", false);
    check("0.0.0.0", false, "127.0.0.1", true);
    check("::1", false, "[::1]", true);
    check("::1", false, "127.0.0.1", false);
    check("::", true, "[::1]", true);
    check("::", false, "127.0.0.1", true);
}

static void test_the_kernel_names_the_socket_that_it_would_choose(void **state)
{
    (void)state;
    is_refused = false;
    check_all();
    check("::", true, "127.0.0.1", false); // which /proc/net/tcp6 does not tell
}

static void test_where_it_may_not_be_asked_its_list_is_read(void **state)
{
    (void)state;
    is_refused = true;
    check_all();
    is_refused = false;
}

// In a process of its own, because what a kernel lacks is remembered.
static void test_a_kernel_without_tcp_diag_is_asked_once_and_then_its_list_is_read(void **state)
{
    uint16_t port = 0;
    int status;
    (void)state;
    int fd = listen_at("127.0.0.1", &port, false);
    struct conf_game game = game_at("127.0.0.1", port);
    const uint64_t inode = inode_of(fd);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        is_missing = true;
        bool is_seen = listener_look(&game).inode == inode;
        unsigned n_first = n_answers;
        is_seen = is_seen && listener_look(&game).inode == inode;
        _exit(!is_seen || n_first == 0 || n_answers != n_first);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fd);
}

// A process that lives until it is ended, or until this one is gone. It has none of our sockets,
// and perhaps one of its own.
static pid_t start_other(int fd, bool listens)
{
    int ready[2];
    int life[2];
    char byte;
    uint16_t port = 0;
    assert_int_equal(pipe(ready), 0);
    assert_int_equal(pipe(life), 0);
    pid_t child = fork();
    if (child == 0) {
        close(fd);
        close(life[1]);
        if (listens)
            listen_at("127.0.0.1", &port, false);
        if (write(ready[1], "", 1) == 1 && read(life[0], &byte, 1) == 0)
            _exit(0);
        _exit(1);
    }
    assert_true(child > 0);
    close(ready[1]);
    close(life[0]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

static void test_a_process_has_its_listener_and_a_child_without_it_has_not(void **state)
{
    uint16_t port = 0;
    (void)state;
    int fd = listen_at("127.0.0.1", &port, false);
    struct conf_game game = game_at("127.0.0.1", port);
    struct listener seen = listener_look(&game);
    assert_int_equal(listener_is_of(&seen, getpid()), LISTENER_ITS);
    for (int listens = 0; listens < 2; listens++) {
        pid_t child = start_other(fd, listens);
        enum listener_owner owner = listener_is_of(&seen, child);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        assert_int_equal(owner, listens ? LISTENER_ELSEWHERE : LISTENER_ANOTHERS);
    }
    assert_int_equal(listener_is_of(&LISTENER_NONE, getpid()), LISTENER_CANNOT_TELL);
    close(fd);
}

#define SOMEBODY 54321u // who is nobody else here

static bool become(gid_t gid)
{
    return setresgid(gid, gid, gid) == 0 && setresuid(SOMEBODY, SOMEBODY, SOMEBODY) == 0 &&
           prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0; // as after exec
}

// The folder of its descriptors may be read by its user; where they lead, by its group only.
static void test_of_a_process_of_another_group_it_cannot_be_told(void **state)
{
    int ready[2];
    char byte;
    int status = 0;
    uint16_t port = 0;
    (void)state;
    if (geteuid() != 0)
        skip(); // only root can become somebody
    int fd = listen_at("127.0.0.1", &port, false);
    struct conf_game game = game_at("127.0.0.1", port);
    struct listener seen = listener_look(&game);
    assert_int_equal(pipe(ready), 0);
    pid_t game_pid = fork();
    if (game_pid == 0)
        _exit(become(SOMEBODY) && write(ready[1], "", 1) == 1 && pause() == 0);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    pid_t observer = fork();
    if (observer == 0)
        _exit(become(SOMEBODY + 1) ? (int)listener_is_of(&seen, game_pid) : 99);
    assert_int_equal(waitpid(observer, &status, 0), observer);
    kill(game_pid, SIGKILL);
    waitpid(game_pid, NULL, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), LISTENER_CANNOT_TELL);
    close(ready[0]);
    close(ready[1]);
    close(fd);
}

// Even when nobody listens there any more.
static void check_other_end(const char *bound, const char *asked)
{
    uint16_t port = 0;
    int listener = listen_at(bound, &port, false);
    if (listener < 0 && strchr(bound, ':'))
        return; // no IPv6 here
    struct conf_game game = game_at(asked, port);
    int fd = socket(game.sockaddr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&game.sockaddr, game.sockaddr_bytes), 0);
    assert_true(listener_is_local(fd));
    int other = accept(listener, NULL, NULL);
    close(listener);
    assert_true(other >= 0);
    assert_true(listener_is_local(fd));
    close(other);
    close(fd);
}

static void test_a_connections_other_end_is_found_where_it_is(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        is_refused = i;
        check_other_end("127.0.0.1", "127.0.0.1");
        check_other_end("::", "127.0.0.1");
        check_other_end("::1", "[::1]");
    }
    is_refused = false;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_kernel_without_tcp_diag_is_asked_once_and_then_its_list_is_read),
        cmocka_unit_test(test_the_kernel_names_the_socket_that_it_would_choose),
        cmocka_unit_test(test_where_it_may_not_be_asked_its_list_is_read),
        cmocka_unit_test(test_a_process_has_its_listener_and_a_child_without_it_has_not),
        cmocka_unit_test(test_of_a_process_of_another_group_it_cannot_be_told),
        cmocka_unit_test(test_a_connections_other_end_is_found_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
