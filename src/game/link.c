// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Making the link (link.h). A connect over loopback is complete when connect(2)
// returns unless the backlog is full, so there is no connecting state: what is not
// there at once is closed and tried again.
// Errors: LINK_BUSY or LINK_AWAY with errno.
#include "game/link.h"

#include "base/address.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "vault/facts.h"
#include "vault/point.h"
#include "vault/slot.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

bool link_find_door(const struct slot *slot, uint8_t to[16], uint16_t *port)
{
    struct sockaddr_storage local;
    socklen_t n_local = sizeof local;
    size_t n = 0;
    const uint8_t *said = facts_find(slot, FACT_PROXY_TO, &n);
    if (said && n == 18) {
        memcpy(to, said, 16);
        *port = bytes_get16(said + 16);
        return true;
    }
    return getsockname(slot->player_fd, (struct sockaddr *)&local, &n_local) == 0 &&
           address_to_bytes((struct sockaddr *)&local, to, port);
}

static size_t make_header(const struct slot *slot, const struct conf_game *game,
                          const struct header_resumed *resumed, uint8_t out[LINK_HEADER_BYTES])
{
    uint8_t to[16] = {0};
    uint16_t to_port = 0;
    link_find_door(slot, to, &to_port);
    size_t n = header_write(game->header, slot, to, to_port, resumed, out);
    if (game->is_forwarded)
        n += header_write_forwarded(slot, out + n);
    return n;
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
    fd_close(fd);
    return -1;
}

enum link_status link_connect(const struct conf_game *game, int *fd)
{
    *fd = connect_game(game);
    if (*fd >= 0)
        return LINK_MADE;
    return link_judge(errno);
}

enum link_status link_judge(int error)
{
    bool is_busy = error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOBUFS;
    return is_busy ? LINK_BUSY : LINK_AWAY;
}

size_t link_header(const struct slot *slot, const struct conf_game *game,
                   uint8_t out[LINK_HEADER_BYTES])
{
    return make_header(slot, game, NULL, out);
}

// A game may have bound its socket by a path from its own folder; then only the end is known.
bool link_is_path_of(const struct conf_game *game, const char *bound)
{
    const char *path = ((const struct sockaddr_un *)&game->sockaddr)->sun_path;
    size_t n_path = strlen(path);
    if (strncmp(bound, "./", 2) == 0)
        bound += 2;
    size_t n = strlen(bound);
    if (*bound == '/' || n == 0 || n >= n_path)
        return strcmp(bound, path) == 0;
    return path[n_path - n - 1] == '/' && strcmp(path + n_path - n, bound) == 0;
}

bool link_is_to(const struct conf_game *game, int fd)
{
    struct sockaddr_un peer = {0};
    socklen_t n_peer = sizeof peer - 1; // a 0 stays behind the path
    int type = 0;
    socklen_t n_type = sizeof type;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n_type) == 0 && type == SOCK_STREAM &&
           getpeername(fd, (struct sockaddr *)&peer, &n_peer) == 0 && peer.sun_family == AF_UNIX &&
           link_is_path_of(game, peer.sun_path);
}

bool link_credentials(int fd, struct ucred *peer)
{
    socklen_t n = sizeof *peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &n) == 0;
}

// An empty socket takes a header whole; if not, the game never saw a player.
static bool introduce(const struct slot *slot, const struct conf_game *game, int fd,
                      const struct header_resumed *resumed)
{
    uint8_t header[LINK_HEADER_BYTES];
    size_t n = make_header(slot, game, resumed, header);
    bool is_sent = n == 0 || send(fd, header, n, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
    int error = errno;
    explicit_bzero(header, n); // a resume state may be a secret
    errno = error;
    return is_sent;
}

enum link_status link_make(struct slot *slot, const struct conf_game *game, int fd,
                           const struct link_terms *terms)
{
    if (!terms->is_introduced && !introduce(slot, game, fd, terms->resumed)) {
        fd_close(fd);
        return LINK_BUSY;
    }
    slot->game_pid = terms->pid;
    slot->game_start = terms->start;
    uint32_t flags =
        slot->flags & ~(SLOT_FLAG_ACKS | SLOT_FLAG_RESUMES | SLOT_FLAG_HOLDS | SLOT_FLAG_LEAVES);
    POINT(LINK_READY);
    // In one: a player who is not linked must not be taken for one who has been, or was resumed.
    slot_link(slot, fd, flags | SLOT_FLAG_LINKED | terms->flags);
    POINT(LINK_CLAIMED);
    return LINK_MADE;
}
