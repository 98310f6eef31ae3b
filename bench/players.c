// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The benchmarks' players (players.h). Errors: as there.
#include "players.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>

#define MAX_SHAKING 64u // handshakes at a time

struct player *players;
unsigned n_players;
int players_epoll;
static SSL_CTX *context;
static char line[PLAYER_LINE_BYTES + 1];

_Noreturn void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

uint64_t now_us(void)
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
    if (epoll_ctl(players_epoll, EPOLL_CTL_ADD, player->fd, &event) != 0)
        die("epoll_ctl");
}

void player_say(struct player *player, const char *its_line)
{
    if (SSL_write(player->ssl, its_line, PLAYER_LINE_BYTES) != PLAYER_LINE_BYTES)
        die("send a line");
}

void player_send(struct player *player)
{
    player->n_back = 0;
    player_say(player, line);
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

bool player_hear(struct player *player, const char *its_line)
{
    char back[PLAYER_LINE_BYTES];
    int n;
    while ((n = SSL_read(player->ssl, back, PLAYER_LINE_BYTES - player->n_back)) > 0) {
        if (memcmp(back, its_line + player->n_back, (size_t)n) != 0)
            die("another line came back");
        player->n_back += n;
        if (player->n_back == PLAYER_LINE_BYTES)
            return true;
    }
    if (SSL_get_error(player->ssl, n) != SSL_ERROR_WANT_READ)
        die("a player was lost");
    return false;
}

void players_run(uint64_t wanted, void (*back)(struct player *))
{
    struct epoll_event events[256];
    while (wanted > 0) {
        int n = epoll_wait(players_epoll, events, 256, 20000);
        if (n <= 0)
            die("no echo for 20 s");
        for (int i = 0; i < n && wanted > 0; i++) {
            struct player *player = events[i].data.ptr;
            if (!player->has_shaken)
                player_shake(player);
            if (player->has_shaken && player->n_back < PLAYER_LINE_BYTES &&
                player_hear(player, line)) {
                wanted--;
                back(player);
            }
        }
    }
}

static void ignore(struct player *player)
{
    (void)player;
}

static void prepare(unsigned n)
{
    n_players = n;
    players = calloc(n, sizeof *players);
    context = SSL_CTX_new(TLS_client_method());
    players_epoll = epoll_create1(EPOLL_CLOEXEC);
    if (players == NULL || context == NULL || players_epoll < 0)
        die("start");
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    memset(line, 'x', PLAYER_LINE_BYTES);
    memcpy(line, "say ", 4);
    line[PLAYER_LINE_BYTES - 2] = '\r';
    line[PLAYER_LINE_BYTES - 1] = '\n';
}

void players_connect(unsigned n, uint16_t port)
{
    prepare(n);
    for (unsigned i = 0; i < n;) {
        unsigned first = i;
        for (; i < n && i - first < MAX_SHAKING; i++) {
            player_connect(&players[i], port);
            player_shake(&players[i]);
        }
        players_run(i - first, ignore);
    }
}
