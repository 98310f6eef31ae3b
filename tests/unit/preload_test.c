// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstayd-preload's parts: the header cut at every byte, addresses as the game gets them, where
// they are kept, the variable. What accept and getpeername answer, and to whom:
// tests/e2e/test_preload.py.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "announce.h"
#include "keep.h"
#include "say.h"
#include "settings.h"
#include "table.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define V2_START "\r\n\r\n\0\r\nQUIT\n"
#define V2_IPV4 V2_START "\x21\x11\0\x0c\xc0\x00\x02\x07\x7f\0\0\x01\x04\xd2\x10\x69"
#define MAPPED "\0\0\0\0\0\0\0\0\0\0\xff\xff"
#define V2_MIXED                                                                                   \
    V2_START "\x21\x21\0\x24" MAPPED "\xc0\x00\x02\x07\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x04\xd2"  \
             "\x10\x69"
#define V2_TLV V2_START "\x21\x11\0\x10\xc0\x00\x02\x07\x7f\0\0\x01\x04\xd2\x10\x69\xe0\0\x01x"

static struct sockaddr_storage address_of(const char *text, uint16_t port)
{
    struct sockaddr_storage address = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&address;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        address.ss_family = AF_INET;
        in->sin_port = htons(port);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
        address.ss_family = AF_INET6;
        in6->sin6_port = htons(port);
    }
    return address;
}

static void assert_address(const struct sockaddr_storage *address, const char *text, uint16_t port)
{
    const struct sockaddr_storage wanted = address_of(text, port);
    assert_memory_equal(address, &wanted, sizeof wanted);
}

// Versions of clang-format differ here.
// clang-format off
#define CASE(text, address) {text, sizeof(text) - 1, address}
// clang-format on

static const struct announcement {
    const char *bytes;
    size_t n;
    const char *address; // NULL: not to be believed
} announcements[] = {
    CASE("PROXY TCP4 192.0.2.7 127.0.0.1 1234 4201\r\n", "192.0.2.7"),
    CASE("PROXY TCP6 2001:db8::7 2001:db8::1 1234 4201\r\n", "2001:db8::7"),
    CASE("PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 1234 4201\r\n", "192.0.2.7"),
    CASE(V2_IPV4, "192.0.2.7"),
    CASE(V2_MIXED, "192.0.2.7"),
    CASE(V2_TLV, "192.0.2.7"),
    CASE("PROXY UNKNOWN\r\n", NULL),
    CASE("PROXY TCP5 192.0.2.7 127.0.0.1 1234 4201\r\n", NULL),
    CASE("PROXY TCP4 192.0.2.777 127.0.0.1 1234 4201\r\n", NULL),
    CASE("PROXY TCP4 2001:db8::7 127.0.0.1 1234 4201\r\n", NULL),
    CASE("PROXY TCP4 192.0.2.7 127.0.0.1 65536 4201\r\n", NULL),
    CASE("PROXY TCP4 192.0.2.7 127.0.0.1 1234\r\n", NULL),
    CASE("PROXY TCP4 192.0.2.7\r\n", NULL),
    CASE("connect wizard potrzebie\r\n", NULL),
    CASE(V2_START "\x20\x00\0\0", NULL),
    CASE(V2_START "\x21\x11\0\x0b\xc0\x00\x02\x07\x7f\0\0\x01\x04\xd2\x10", NULL),
    CASE(V2_START "\x21\x11\xff\xff", NULL),
};

static void announcements_are_read_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof announcements / sizeof announcements[0]; i++) {
        const struct announcement *it = &announcements[i];
        struct sockaddr_storage player;
        size_t n_header = 0;
        uint8_t bytes[512];
        memset(bytes, 'x', sizeof bytes); // what follows is not the header's
        memcpy(bytes, it->bytes, it->n);
        for (size_t n = 0; n < it->n; n++) {
            enum announce_status status = announce_parse(bytes, n, &player, &n_header);
            assert_int_not_equal(status, ANNOUNCE_DONE);
            assert_true(status == ANNOUNCE_MORE || !it->address);
        }
        for (size_t n = it->n; n <= sizeof bytes; n++) {
            enum announce_status status = announce_parse(bytes, n, &player, &n_header);
            assert_int_equal(status, it->address ? ANNOUNCE_DONE : ANNOUNCE_BAD);
            if (!it->address)
                continue;
            assert_int_equal(n_header, it->n);
            assert_address(&player, it->address, 1234);
        }
    }
}

static void a_line_without_an_end_is_no_announcement(void **state)
{
    struct sockaddr_storage player;
    size_t n_header;
    uint8_t bytes[200];
    (void)state;
    memset(bytes, '1', sizeof bytes);
    memcpy(bytes, "PROXY TCP4 ", 11);
    assert_int_equal(announce_parse(bytes, 106, &player, &n_header), ANNOUNCE_MORE);
    assert_int_equal(announce_parse(bytes, 107, &player, &n_header), ANNOUNCE_BAD);
}

static void an_address_fits_the_games_sockets(void **state)
{
    struct sockaddr_storage player = address_of("192.0.2.7", 1234);
    (void)state;
    announce_fit(&player, AF_INET);
    assert_address(&player, "192.0.2.7", 1234);
    announce_fit(&player, AF_INET6);
    assert_address(&player, "::ffff:192.0.2.7", 1234);
    player = address_of("2001:db8::7", 1234);
    announce_fit(&player, AF_INET6);
    assert_address(&player, "2001:db8::7", 1234);
}

static uint32_t pseudo(const char *text)
{
    struct sockaddr_storage player = address_of(text, 1234);
    announce_fit(&player, AF_INET);
    assert_int_equal(player.ss_family, AF_INET);
    const struct sockaddr_in *in = (const struct sockaddr_in *)&player;
    assert_int_equal(in->sin_port, htons(1234));
    assert_true(ntohl(in->sin_addr.s_addr) >> 28 == 15);
    assert_int_not_equal(in->sin_addr.s_addr, UINT32_MAX);
    return in->sin_addr.s_addr;
}

static void an_ipv6_network_has_one_reserved_ipv4_address(void **state)
{
    (void)state;
    assert_int_equal(pseudo("2001:db8::7"), pseudo("2001:db8::ffff:1:2:3"));
    assert_int_not_equal(pseudo("2001:db8::7"), pseudo("2001:db8:0:1::7"));
    for (unsigned i = 0; i < 65536; i++) {
        char text[INET6_ADDRSTRLEN];
        snprintf(text, sizeof text, "2001:db8:0:%x::1", i);
        pseudo(text);
    }
}

static void an_address_is_kept_in_its_socket(void **state)
{
    int pair[2];
    struct sockaddr_storage found;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    struct sockaddr_storage player = address_of("2001:db8::7", 1234);
    assert_false(keep_find(pair[0], &found));
    assert_true(keep_put(pair[0], &player));
    int copy = dup(pair[0]);
    assert_true(keep_find(copy, &found));
    assert_memory_equal(&found, &player, sizeof player);
    assert_false(keep_find(pair[1], &found));
    struct sockaddr_storage other = address_of("192.0.2.7", 1234);
    assert_false(keep_put(pair[0], &other)); // it is locked
    assert_true(keep_put(pair[1], &other));
    assert_true(keep_find(pair[1], &found));
    assert_memory_equal(&found, &other, sizeof other);
    assert_int_equal(send(pair[1], "x", 1, 0), 1);
    char byte;
    assert_int_equal(recv(pair[0], &byte, 1, 0), 1);
    close(copy);
    close(pair[0]);
    close(pair[1]);
    assert_false(keep_find(pair[0], &found));
}

static const uint32_t first_words[TABLE_WORDS] = {1, 2, 3, 4, 5, 6};
static const uint32_t other_words[TABLE_WORDS] = {6, 5, 4, 3, 2, 1};

static void assert_in_table(int fd, const uint32_t wanted[TABLE_WORDS])
{
    uint32_t found[TABLE_WORDS] = {0};
    assert_true(table_find(fd, found));
    assert_memory_equal(found, wanted, sizeof found);
}

static void a_table_knows_sockets_and_not_numbers(void **state)
{
    int pair[2];
    uint32_t found[TABLE_WORDS];
    bool is_first;
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_false(table_find(pair[0], found));
    assert_true(table_put(pair[0], first_words, &is_first));
    assert_true(is_first);
    assert_true(table_put(pair[1], other_words, &is_first));
    assert_false(is_first);
    int copy = dup(pair[0]);
    assert_in_table(pair[0], first_words);
    assert_in_table(pair[1], other_words);
    assert_in_table(copy, first_words);
    assert_int_equal(dup2(pair[1], pair[0]), pair[0]); // a number that had another one
    assert_in_table(pair[0], other_words);
    close(pair[0]);
    assert_false(table_find(pair[0], found));
    int number = pair[0];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    assert_int_equal(pair[0], number);
    assert_false(table_find(pair[0], found));
    assert_in_table(copy, first_words);
    close(copy);
}

// Says a line with `begins` under stderr's number at the start and `then` later; errno stays.
static void say_with(int begins, int then)
{
    atomic_flag is_said = ATOMIC_FLAG_INIT;
    int kept = dup(STDERR_FILENO);
    dup2(begins, STDERR_FILENO);
    say_begin();
    dup2(then, STDERR_FILENO);
    errno = EXDEV;
    say_once(&is_said, "a word");
    say_once(&is_said, "another");
    int error = errno;
    dup2(kept, STDERR_FILENO);
    close(kept);
    assert_int_equal(error, EXDEV);
}

static void assert_heard(int fd, const char *wanted)
{
    char heard[100];
    ssize_t n = read(fd, heard, sizeof heard);
    assert_int_equal(n < 0 ? 0 : n, strlen(wanted));
    assert_memory_equal(heard, wanted, strlen(wanted));
}

static void a_line_goes_to_stderr_and_to_nothing_in_its_place(void **state)
{
    static const char line[] = "libstayd-preload: a word\n";
    int log[2], other[2], player[2];
    (void)state;
    assert_int_equal(pipe2(log, O_NONBLOCK), 0);
    assert_int_equal(pipe2(other, O_NONBLOCK), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, player), 0);
    say_with(log[1], log[1]);
    assert_heard(log[0], line);
    say_with(player[1], player[1]); // systemd's journal is a Unix socket
    assert_heard(player[0], line);
    say_with(log[1], other[1]);
    say_with(log[1], player[1]);
    assert_heard(log[0], "");
    assert_heard(other[0], "");
    assert_heard(player[0], "");
    close(log[0]);
    say_with(log[1], log[1]); // nobody reads it: the game does not end
    sigset_t pending;
    assert_int_equal(sigpending(&pending), 0);
    assert_false(sigismember(&pending, SIGPIPE));
    close(log[1]);
    for (int i = 0; i < 2; i++) {
        close(other[i]);
        close(player[i]);
    }
}

static void a_game_that_executes_itself_with_a_player_for_stderr_says_nothing(void **state)
{
    struct sockaddr_in local = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof local;
    int listener = socket(AF_INET, SOCK_STREAM, 0), player = socket(AF_INET, SOCK_STREAM, 0);
    (void)state;
    assert_int_equal(bind(listener, (struct sockaddr *)&local, n), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&local, &n), 0);
    assert_int_equal(connect(player, (struct sockaddr *)&local, n), 0);
    int game = accept(listener, NULL, NULL);
    assert_true(game >= 0);
    say_with(game, game);
    say_with(listener, listener);
    close(game);
    assert_heard(player, "");
    close(player);
    close(listener);
}

static void the_variable_names_ports_and_a_user(void **state)
{
    static const char *const wrong[] = {"",
                                        " ",
                                        "x",
                                        "0",
                                        "65536",
                                        "1 uid=",
                                        "1 uid=x",
                                        "uid=1",
                                        "1 uid=4294967295",
                                        "-1",
                                        "1 2 3 4 5 6 7 8 9"};
    struct settings settings;
    (void)state;
    assert_true(settings_read(&settings, NULL));
    assert_int_equal(settings.n_ports, 0);
    assert_true(settings_read(&settings, " 2860, 65535 uid=998 "));
    assert_int_equal(settings.n_ports, 2);
    assert_int_equal(settings.port[0], 2860);
    assert_int_equal(settings.port[1], 65535);
    assert_true(settings.has_uid && settings.uid == 998);
    assert_true(settings_read(&settings, "1"));
    assert_false(settings.has_uid);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(settings_read(&settings, wrong[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(announcements_are_read_cut_at_every_byte),
        cmocka_unit_test(a_line_without_an_end_is_no_announcement),
        cmocka_unit_test(an_address_fits_the_games_sockets),
        cmocka_unit_test(an_ipv6_network_has_one_reserved_ipv4_address),
        cmocka_unit_test(an_address_is_kept_in_its_socket),
        cmocka_unit_test(a_table_knows_sockets_and_not_numbers),
        cmocka_unit_test(a_line_goes_to_stderr_and_to_nothing_in_its_place),
        cmocka_unit_test(a_game_that_executes_itself_with_a_player_for_stderr_says_nothing),
        cmocka_unit_test(the_variable_names_ports_and_a_user),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
