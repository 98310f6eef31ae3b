// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The benchmarks' game: `echo_game SOCKET-PATH`. It reads the PROXY v2 header of
// each connection and then sends back whatever comes. Cheap and the same for
// everybody who relays to it. At SIGHUP it reboots: it executes itself, keeps its
// sockets, and says "rebooted MICROSECONDS", how long it has not looked at them.
//
// Errors: a connection that fails is closed; no socket ends the program with 1.
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define GAME_MAX_FD 65536
#define GAME_HEADER_BYTES 16u

// How much of each connection's header is still to come. The header's length
// stands in its last two fixed bytes (HAProxy, doc/proxy-protocol.txt, 2.2).
struct header {
    uint8_t fixed[GAME_HEADER_BYTES];
    uint32_t n_fixed;
    uint32_t n_rest;
    bool is_over;
};

static struct header headers[GAME_MAX_FD];
static uint8_t buffer[65536];
static int poller;
static volatile sig_atomic_t is_reboot_due;

static void order_reboot(int signal_number)
{
    (void)signal_number;
    is_reboot_due = 1;
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 4096) != 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event) != 0) {
        perror("epoll_ctl");
        exit(1);
    }
}

static void accept_all(int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        if (fd >= GAME_MAX_FD) {
            close(fd);
            continue;
        }
        memset(&headers[fd], 0, sizeof headers[fd]);
        watch(fd);
    }
}

// Take the header off the front of n bytes. Returns how many bytes belong to it.
static size_t skip_header(struct header *header, const uint8_t *from, size_t n)
{
    size_t used = 0;
    while (used < n && header->n_fixed < GAME_HEADER_BYTES) {
        header->fixed[header->n_fixed++] = from[used++];
        if (header->n_fixed == GAME_HEADER_BYTES)
            header->n_rest = (uint32_t)header->fixed[14] << 8 | header->fixed[15];
    }
    if (header->n_fixed < GAME_HEADER_BYTES)
        return used;
    size_t rest = n - used < header->n_rest ? n - used : header->n_rest;
    header->n_rest -= (uint32_t)rest;
    header->is_over = header->n_rest == 0;
    return used + rest;
}

static void serve(int fd)
{
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        close(fd);
        return;
    }
    size_t skipped = headers[fd].is_over ? 0 : skip_header(&headers[fd], buffer, (size_t)n);
    // Lines are short and the socket's buffer is not: what does not fit is a broken connection.
    if ((size_t)n > skipped &&
        send(fd, buffer + skipped, (size_t)n - skipped, MSG_NOSIGNAL) != n - (ssize_t)skipped)
        close(fd);
}

static _Noreturn void reboot(const char *path, int listener)
{
    char fd[16];
    char begin[24];
    snprintf(fd, sizeof fd, "%d", listener);
    snprintf(begin, sizeof begin, "%" PRIu64, now_us());
    execl("/proc/self/exe", "echo_game", path, fd, begin, NULL);
    perror("exec");
    exit(1);
}

// All sockets but the listening one are players', who have been let in before.
static void take_up(int listener)
{
    long n = sysconf(_SC_OPEN_MAX);
    for (int fd = STDERR_FILENO + 1; fd < n && fd < GAME_MAX_FD; fd++) {
        if (fd == listener || fd == poller || fcntl(fd, F_GETFD) < 0)
            continue;
        headers[fd].is_over = true;
        watch(fd);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 4)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    sigaction(SIGHUP, &(struct sigaction){.sa_handler = order_reboot}, NULL);
    int listener = argc == 4 ? atoi(argv[2]) : listen_at(argv[1]);
    poller = epoll_create1(EPOLL_CLOEXEC);
    watch(listener);
    if (argc == 4) {
        uint64_t begin_us = strtoull(argv[3], NULL, 10);
        take_up(listener);
        printf("rebooted %" PRIu64 "\n", now_us() - begin_us);
    }
    for (;;) {
        struct epoll_event events[256];
        int n = epoll_wait(poller, events, 256, -1);
        for (int i = 0; i < n; i++)
            if (events[i].data.fd == listener)
                accept_all(listener);
            else
                serve(events[i].data.fd);
        if (is_reboot_due)
            reboot(argv[1], listener);
    }
}
