// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The benchmarks' players: `load PORT N` connects N TLS 1.3 players to 127.0.0.1,
// has each one's first line echoed, says "connected", and then does what it reads
// from its standard input, one answer a command:
//
//   lines TOTAL  every player sends a line, waits for its echo and sends the next,
//                until TOTAL lines are back. Answer: "lines TOTAL MICROSECONDS".
//   paced TOTAL GAP  one line each GAP microseconds, from one player after the other,
//                its echo awaited. Answer: "paced TOTAL".
//   kill PID     kill that process with SIGKILL (0: nobody), send one line from
//                each player right after, and wait for all echoes. Answer:
//                "echoed LAST-MICROSECONDS MEDIAN-MICROSECONDS", since the kill.
//
// Errors: whatever goes wrong ends the program with a message and status 1.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define LOAD_LINE_BYTES 60
#define LOAD_MAX_SHAKING 64u // handshakes at a time

struct player {
    SSL *ssl;
    int fd;
    bool has_shaken;
    int n_back; // bytes of the present line that came back
    uint64_t echoed_us;
};

static SSL_CTX *context;
static struct player *players;
static unsigned n_players;
static int poller;
static char line[LOAD_LINE_BYTES + 1];

static _Noreturn void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static uint64_t now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void player_connect(struct player *player, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int on = 1;
    player->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    player->ssl = SSL_new(context);
    if (player->fd < 0 || player->ssl == NULL ||
        connect(player->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("connect");
    setsockopt(player->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    fcntl(player->fd, F_SETFL, O_NONBLOCK);
    SSL_set_fd(player->ssl, player->fd);
    SSL_set_connect_state(player->ssl);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = player};
    if (epoll_ctl(poller, EPOLL_CTL_ADD, player->fd, &event) != 0)
        die("epoll_ctl");
}

static void player_send(struct player *player)
{
    player->n_back = 0;
    if (SSL_write(player->ssl, line, LOAD_LINE_BYTES) != LOAD_LINE_BYTES)
        die("send a line");
}

static void player_shake(struct player *player)
{
    int done = SSL_connect(player->ssl);
    if (done == 1) {
        player->has_shaken = true;
        player_send(player);
    } else if (SSL_get_error(player->ssl, done) != SSL_ERROR_WANT_READ) {
        die("handshake");
    }
}

// True: the whole line is back.
static bool player_read(struct player *player)
{
    char back[LOAD_LINE_BYTES];
    int n;
    while ((n = SSL_read(player->ssl, back, LOAD_LINE_BYTES - player->n_back)) > 0) {
        if (memcmp(back, line + player->n_back, (size_t)n) != 0)
            die("another line came back");
        player->n_back += n;
        if (player->n_back == LOAD_LINE_BYTES)
            return true;
    }
    if (SSL_get_error(player->ssl, n) != SSL_ERROR_WANT_READ)
        die("a player was lost");
    return false;
}

// Wait, and call back for each player whose line is back, until `wanted` are.
static void run(uint64_t wanted, void (*back)(struct player *))
{
    struct epoll_event events[256];
    while (wanted > 0) {
        int n = epoll_wait(poller, events, 256, 20000);
        if (n <= 0)
            die("no echo for 20 s");
        for (int i = 0; i < n && wanted > 0; i++) {
            struct player *player = events[i].data.ptr;
            if (!player->has_shaken)
                player_shake(player);
            if (player->has_shaken && player->n_back < LOAD_LINE_BYTES && player_read(player)) {
                wanted--;
                back(player);
            }
        }
    }
}

static void note_time(struct player *player)
{
    player->echoed_us = now_us();
}

static uint64_t lines_to_send;

static void send_next(struct player *player)
{
    if (lines_to_send == 0)
        return;
    lines_to_send--;
    player_send(player);
}

static void connect_all(uint16_t port)
{
    for (unsigned i = 0; i < n_players;) {
        unsigned first = i;
        for (; i < n_players && i - first < LOAD_MAX_SHAKING; i++) {
            player_connect(&players[i], port);
            player_shake(&players[i]);
        }
        run(i - first, note_time);
    }
}

static void do_lines(uint64_t total)
{
    uint64_t begin = now_us();
    unsigned n_first = total < n_players ? (unsigned)total : n_players;
    lines_to_send = total - n_first;
    for (unsigned i = 0; i < n_first; i++)
        player_send(&players[i]);
    run(total, send_next);
    printf("lines %" PRIu64 " %" PRIu64 "\n", total, now_us() - begin);
}

static void ignore(struct player *player)
{
    (void)player;
}

static void do_paced(uint64_t total, uint64_t gap_us)
{
    uint64_t begin = now_us();
    for (uint64_t i = 0; i < total; i++) {
        uint64_t now = now_us();
        uint64_t due = begin + i * gap_us;
        if (due > now)
            usleep((useconds_t)(due - now));
        player_send(&players[i % n_players]);
        run(1, ignore);
    }
    printf("paced %" PRIu64 "\n", total);
}

static int compare_times(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void do_kill(pid_t pid)
{
    uint64_t *times = calloc(n_players, sizeof *times);
    if (times == NULL)
        die("memory");
    uint64_t begin = now_us();
    if (pid > 0 && kill(pid, SIGKILL) != 0)
        die("kill");
    for (unsigned i = 0; i < n_players; i++)
        player_send(&players[i]);
    run(n_players, note_time);
    for (unsigned i = 0; i < n_players; i++)
        times[i] = players[i].echoed_us - begin;
    qsort(times, n_players, sizeof *times, compare_times);
    printf("echoed %" PRIu64 " %" PRIu64 "\n", times[n_players - 1], times[n_players / 2]);
    free(times);
}

int main(int argc, char **argv)
{
    char command[64];
    uint64_t total;
    uint64_t gap_us;
    if (argc != 3)
        return 2;
    n_players = (unsigned)atoi(argv[2]);
    players = calloc(n_players, sizeof *players);
    context = SSL_CTX_new(TLS_client_method());
    poller = epoll_create1(EPOLL_CLOEXEC);
    if (players == NULL || context == NULL || poller < 0)
        die("start");
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    memset(line, 'x', sizeof line);
    memcpy(line, "say ", 4);
    line[LOAD_LINE_BYTES - 2] = '\r';
    line[LOAD_LINE_BYTES - 1] = '\n';
    setvbuf(stdout, NULL, _IOLBF, 0);
    connect_all((uint16_t)atoi(argv[1]));
    printf("connected\n");
    while (fgets(command, sizeof command, stdin) != NULL) {
        if (strncmp(command, "lines ", 6) == 0)
            do_lines(strtoull(command + 6, NULL, 10));
        else if (sscanf(command, "paced %" SCNu64 " %" SCNu64, &total, &gap_us) == 2)
            do_paced(total, gap_us);
        else if (strncmp(command, "kill ", 5) == 0)
            do_kill((pid_t)atoi(command + 5));
        else
            die("a command that is not known");
    }
    return 0;
}
