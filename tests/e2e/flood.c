// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players who keep stayd busy: `flood PORT PATH N KIND RECORDS`. N players connect to the TLS port;
// whatever game they come to is at PATH, and reads and drops what they say. Each says so many
// records, of one KIND:
//
//   bytes  of one byte each
//   keys   a KeyUpdate and one byte, in turn
//   text   of 16 kB
//
// Says "ready" when all is sealed, and sends it, as fast as it goes, when it reads a line. Ends when
// the game has heard it all, or those whom it has not heard are closed, and says how many are still
// connected and how many bytes the game has heard: "over PLAYERS BYTES".
//
// Errors: end the program with a message and status 1.
#include <errno.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#define MOST_PLAYERS 400

struct player {
    int fd;
    SSL *ssl;
    char *bytes; // sealed, to be sent
    long n;
};

static struct player players[MOST_PLAYERS];
static int links[MOST_PLAYERS];
static int n_players, n_links;
static uint64_t n_heard, n_to_hear;
static char kind;

static void die(const char *what)
{
    fprintf(stderr, "flood: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) != 0 || listen(fd, 128) != 0)
        die(path);
    return fd;
}

// What the game does: take links, and read what they say.
static void play(int listener)
{
    static char sink[1 << 16];
    int fd;
    while (n_links < MOST_PLAYERS && (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0)
        links[n_links++] = fd;
    for (int i = 0; i < n_links; i++) {
        ssize_t n;
        while ((n = recv(links[i], sink, sizeof sink, 0)) > 0)
            n_heard += (uint64_t)n;
        if (n < 0)
            continue;
        close(links[i]);
        links[i--] = links[--n_links];
    }
}

static void connect_one(struct player *player, SSL_CTX *context, const struct sockaddr_in *to)
{
    player->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    player->ssl = SSL_new(context);
    if (player->fd < 0 || !player->ssl || connect(player->fd, (const void *)to, sizeof *to) != 0 ||
        SSL_set_fd(player->ssl, player->fd) != 1 || SSL_connect(player->ssl) != 1)
        die("connect a player");
}

static void seal(struct player *player, int n_records)
{
    static const char text[16384];
    const int n_text = kind == 't' ? (int)sizeof text : 1;
    BIO *sealed = BIO_new(BIO_s_mem());
    SSL_set0_wbio(player->ssl, sealed);
    for (int i = 0; i < n_records; i++)
        if ((kind == 'k' && SSL_key_update(player->ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1) ||
            SSL_write(player->ssl, text, n_text) != n_text)
            die("seal");
    player->n = BIO_get_mem_data(sealed, &player->bytes);
    n_to_hear += (uint64_t)n_records * (uint64_t)n_text;
}

// False: it was closed.
static bool send_some(struct player *player)
{
    char alert[64];
    ssize_t n = recv(player->fd, alert, sizeof alert, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN))
        return false;
    n = send(player->fd, player->bytes, (size_t)player->n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return errno == EAGAIN;
    player->bytes += n;
    player->n -= n;
    return true;
}

static void flood(int listener)
{
    while (n_players && n_heard < n_to_hear) {
        for (int i = 0; i < n_players; i++)
            if (!send_some(&players[i])) {
                close(players[i].fd);
                players[i] = players[--n_players];
            }
        play(listener);
    }
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return 2;
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)atoi(argv[1])),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    const int listener = listen_at(argv[2]);
    const int n = atoi(argv[3]);
    char line[8];
    kind = *argv[4];
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_num_tickets(context, 0);
    for (; n_players < n && n_players < MOST_PLAYERS; n_players++) {
        connect_one(&players[n_players], context, &to);
        seal(&players[n_players], atoi(argv[5]));
        play(listener);
    }
    printf("ready\n");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        return 1;
    flood(listener);
    printf("over %d %llu\n", n_players, (unsigned long long)n_heard);
    return 0;
}
