// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Making the link (link.h). A connect over loopback is complete when connect(2)
// returns unless the backlog is full, so there is no connecting state: what is not
// there at once is closed and tried again.
// Errors: LINK_BUSY or LINK_AWAY with errno.
#include "game/link.h"

#include "base/address.h"
#include "game/header.h"
#include "vault/point.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static size_t make_header(const struct slot *slot, const struct conf_game *game,
                          uint8_t out[HEADER_MAX_BYTES])
{
    struct sockaddr_storage local;
    socklen_t n_local = sizeof local;
    uint8_t to[16] = {0};
    uint16_t to_port = 0;
    if (getsockname(slot->player_fd, (struct sockaddr *)&local, &n_local) == 0)
        address_to_bytes((struct sockaddr *)&local, to, &to_port);
    return header_write(game->header, slot, to, to_port, out);
}

static bool is_connected(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};
    int error = 0;
    socklen_t n_error = sizeof error;
    if (poll(&poll_fd, 1, 0) != 1) {
        errno = EAGAIN;
        return false;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &n_error) < 0)
        return false;
    errno = error;
    return error == 0;
}

static int connect_game(const struct conf_game *game)
{
    int fd = socket(game->sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1;
    if (game->sockaddr.ss_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (connect(fd, (const struct sockaddr *)&game->sockaddr, game->sockaddr_bytes) == 0 ||
        (errno == EINPROGRESS && is_connected(fd)))
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

enum link_status link_make(struct slot *slot, const struct conf_game *game)
{
    uint8_t header[HEADER_MAX_BYTES];
    size_t n_header = make_header(slot, game, header);
    int fd = connect_game(game);
    if (fd < 0)
        return errno == EAGAIN || errno == EMFILE || errno == ENFILE || errno == ENOBUFS
                   ? LINK_BUSY
                   : LINK_AWAY;
    // An empty socket takes a header whole; if not, the game never saw a player.
    if (n_header && send(fd, header, n_header, MSG_DONTWAIT | MSG_NOSIGNAL) != (ssize_t)n_header) {
        int error = errno;
        close(fd);
        errno = error;
        return LINK_BUSY;
    }
    POINT(LINK_READY);
    atomic_store_explicit(&slot->game_fd, fd, memory_order_release);
    POINT(LINK_CLAIMED);
    return LINK_MADE;
}
