// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One who has others calculate: `hellos ADDRESS PORT SOURCE BYTES STAY`. A ClientHello, always the
// same bytes, is sent again and again from SOURCE, so many bytes a second: connect, hello, and leave
// when STAY others have come after it. That costs the other side a key exchange and a signature each
// time, and this program nothing.
//
// Says "ready N", the bytes of a hello; begins when it reads a line; ends when it reads another one,
// and says how many went out: "sent N".
//
// Errors: end the program with a message and status 1. A connection that takes long is given up.
#include <errno.h>
#include <netdb.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000u
#define MOST_STAY 1024u
#define CONNECT_MS 20

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "hellos: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static struct addrinfo *look_up(const char *address, const char *port)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    if (getaddrinfo(address, port, &hints, &found) != 0)
        die(address);
    return found;
}

static int capture(uint8_t **hello)
{
    SSL *ssl = SSL_new(SSL_CTX_new(TLS_client_method()));
    if (!ssl)
        die("OpenSSL");
    SSL_set_bio(ssl, BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_connect(ssl);
    return (int)BIO_get_mem_data(SSL_get_wbio(ssl), (char **)hello);
}

static void leave(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

// False: it did not go out.
static bool send_one(const struct addrinfo *to, const struct addrinfo *from, const uint8_t *hello,
                     size_t n, int *fd)
{
    *fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0 || bind(*fd, from->ai_addr, from->ai_addrlen) != 0)
        die("bind");
    struct pollfd out = {.fd = *fd, .events = POLLOUT};
    return (connect(*fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS) &&
           poll(&out, 1, CONNECT_MS) > 0 && send(*fd, hello, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool has_line(int wait_ms)
{
    struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&in, 1, wait_ms) > 0;
}

int main(int argc, char **argv)
{
    char line[8];
    static int staying[MOST_STAY + 1];
    unsigned n_sent = 0;
    unsigned next = 0;
    uint8_t *hello = NULL;
    if (argc != 6 || atoi(argv[5]) > (int)MOST_STAY)
        return 2;
    const unsigned n_stay = (unsigned)atoi(argv[5]);
    const struct addrinfo *to = look_up(argv[1], argv[2]);
    const struct addrinfo *from = look_up(argv[3], "0");
    const int n = capture(&hello);
    memset(staying, -1, sizeof staying);
    printf("ready %d\n", n);
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 1;
    // Those that are due are sent even if they are late: it is so many a second.
    const uint64_t gap_ns = (uint64_t)n * SECOND_NS / (uint64_t)atoi(argv[4]);
    for (uint64_t due_ns = now_ns(); !has_line(0); due_ns += gap_ns) {
        while (now_ns() < due_ns && !has_line(1))
            continue;
        n_sent += send_one(to, from, hello, (size_t)n, &staying[next]);
        next = (next + 1) % (n_stay + 1);
        leave(&staying[next]);
    }
    printf("sent %u\n", n_sent);
    return 0;
}
