// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Making the link (link.h). A connect over loopback is complete when connect(2)
// returns unless the backlog is full, so there is no connecting state: what is not
// there at once is closed and tried again.
// Errors: LINK_BUSY or LINK_AWAY with errno.
#include "game/link.h"

#include "base/address.h"
#include "game/process.h"
#include "vault/point.h"
#include "vault/slot.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static size_t make_header(const struct slot *slot, const struct conf_game *game,
                          const struct header_resumed *resumed, uint8_t out[LINK_HEADER_BYTES])
{
    struct sockaddr_storage local;
    socklen_t n_local = sizeof local;
    uint8_t to[16] = {0};
    uint16_t to_port = 0;
    if (getsockname(slot->player_fd, (struct sockaddr *)&local, &n_local) == 0)
        address_to_bytes((struct sockaddr *)&local, to, &to_port);
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
    int error = errno;
    close(fd);
    errno = error;
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
static bool is_path_of(const struct conf_game *game, const char *bound)
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
           is_path_of(game, peer.sun_path);
}

pid_t link_peer(const struct conf_game *game, int fd)
{
    struct ucred peer = {0};
    socklen_t n = sizeof peer;
    if (game->sockaddr.ss_family != AF_UNIX)
        return game->pid_file ? process_read_file(game->pid_file) : 0;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 ? peer.pid : 0;
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
        int error = errno;
        close(fd);
        errno = error;
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

// unix(7): Num RefCount Protocol Flags Type St Inode Path. 00010000 is __SO_ACCEPTCON.
static uint64_t read_unix_line(const char *line, const struct conf_game *game)
{
    unsigned long flags;
    unsigned long long inode;
    int n = 0;
    bool is_it = sscanf(line, "%*s %*s %*s %lx %*s %*s %llu %n", &flags, &inode, &n) == 2 &&
                 n > 0 && flags & 0x10000 && is_path_of(game, line + n);
    return is_it ? inode : 0;
}

// As /proc/net/tcp and tcp6 have it: words of four bytes in this machine's order.
static bool read_address(const char *text, uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    size_t n_words = strlen(text) / 8;
    if (strlen(text) % 8 || (n_words != 1 && n_words != 4))
        return false;
    memcpy(bytes, mapped, sizeof mapped);
    for (size_t i = 0; i < n_words; i++) {
        uint32_t word;
        if (sscanf(text + 8 * i, "%8" SCNx32, &word) != 1)
            return false;
        memcpy(bytes + (n_words == 1 ? 12 : 4 * i), &word, 4);
    }
    return true;
}

static bool is_any(const uint8_t bytes[16])
{
    static const uint8_t any[16], any_mapped[16] = {[10] = 0xff, [11] = 0xff};
    return memcmp(bytes, any, 16) == 0 || memcmp(bytes, any_mapped, 16) == 0;
}

// proc(5), /proc/net/tcp: sl local_address rem_address st queues timer retransmits uid timeout
// inode; state 0A is LISTEN. The port may have other listeners on other addresses (stayd's own).
static uint64_t read_tcp_line(const char *line, const struct conf_game *game)
{
    char text[33];
    uint8_t bytes[16], wanted[16];
    uint16_t wanted_port = 0;
    unsigned port, state;
    unsigned long long inode;
    address_to_bytes((const struct sockaddr *)&game->sockaddr, wanted, &wanted_port);
    if (sscanf(line, "%*s %32[0-9A-Fa-f]:%x %*s %x %*s %*s %*s %*s %*s %llu", text, &port, &state,
               &inode) != 4 ||
        state != 0x0a || port != wanted_port || !read_address(text, bytes))
        return 0;
    return is_any(bytes) || memcmp(bytes, wanted, 16) == 0 ? inode : 0;
}

static uint64_t find_line(const char *path, const struct conf_game *game,
                          uint64_t (*read_line)(const char *line, const struct conf_game *game))
{
    char line[512];
    uint64_t inode = 0;
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? 0 : LINK_UNSEEN; // so nobody is taken for dead
    while (inode == 0 && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        inode = read_line(line, game);
    }
    fclose(file);
    return inode;
}

uint64_t link_listener(const struct conf_game *game)
{
    if (game->sockaddr.ss_family == AF_UNIX)
        return find_line("/proc/net/unix", game, read_unix_line);
    uint64_t inode = find_line("/proc/net/tcp", game, read_tcp_line);
    return inode ? inode : find_line("/proc/net/tcp6", game, read_tcp_line);
}
