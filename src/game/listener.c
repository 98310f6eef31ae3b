// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Asking the kernel who listens (listener.h). The answer to a sock_diag request is there when
// send(2) returns, so nothing waits.
#include "game/listener.h"

#include "base/address.h"
#include "game/link.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOOPBACK_INDEX 1u // of the interface "lo", in every network namespace
#define MOST_LISTENERS 256u

// One end of a connection, as inet_diag has it: IPv4-mapped is IPv4, numbers in network order.
struct end {
    uint8_t family;
    uint16_t port;
    uint32_t address[4];
};

static struct end end_of(const struct sockaddr_storage *address)
{
    struct end end = {.family = AF_INET6};
    uint8_t bytes[16];
    uint16_t port = 0;
    address_to_bytes((const struct sockaddr *)address, bytes, &port);
    end.port = htons(port);
    memcpy(end.address, bytes, sizeof bytes);
    if (address_is_ipv4(bytes)) {
        end.family = AF_INET;
        memcpy(end.address, (uint32_t[4]){end.address[3]}, sizeof end.address);
    }
    return end;
}

// A dump (sock_diag(7)) of no state lists nothing.
enum { ALL_STATES = -1, NO_STATE = 0 };

static bool ask(int fd, const struct end *own, const struct end *other, int states)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } request = {
        .head = {.nlmsg_len = sizeof request,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = states == NO_STATE ? NLM_F_REQUEST | NLM_F_DUMP : NLM_F_REQUEST},
        .body = {.sdiag_family = own->family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = (uint32_t)states,
                 .id = {.idiag_sport = own->port,
                        .idiag_dport = other->port,
                        .idiag_if = LOOPBACK_INDEX,
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    memcpy(request.body.id.idiag_src, own->address, sizeof own->address);
    memcpy(request.body.id.idiag_dst, other->address, sizeof other->address);
    return send(fd, &request, sizeof request, MSG_DONTWAIT) == (ssize_t)sizeof request;
}

enum answer { FOUND, NOT_THERE, REFUSED };

// "No such socket" is also what a kernel says that lacks tcp_diag, and cannot load it. A dump
// tells: there, too, it ends with that error. A kernel that has said so is not asked again, as it
// would look for its module each time, which takes milliseconds.
static enum { DIAG_UNKNOWN, DIAG_ANSWERS, DIAG_IS_MISSING } diag;

static bool is_known_to_answer(int fd, const struct end *own)
{
    struct end nobody = {.family = own->family};
    struct {
        struct nlmsghdr head;
        int error; // of NLMSG_ERROR and NLMSG_DONE alike
        uint8_t rest[512];
    } answer;
    if (diag == DIAG_UNKNOWN && ask(fd, &nobody, &nobody, NO_STATE) &&
        recv(fd, &answer, sizeof answer, MSG_DONTWAIT) >=
            (ssize_t)(NLMSG_HDRLEN + sizeof answer.error)) {
        if (answer.head.nlmsg_type == NLMSG_DONE && answer.error == 0)
            diag = DIAG_ANSWERS;
        else if (answer.error == -ENOENT)
            diag = DIAG_IS_MISSING;
    }
    return diag == DIAG_ANSWERS;
}

// The socket with these ends or, if there is none, the one that listens for them.
static enum answer find_socket(const struct end *own, const struct end *other,
                               struct inet_diag_msg *found)
{
    struct {
        struct nlmsghdr head;
        union {
            struct inet_diag_msg body;
            struct nlmsgerr error;
        };
        uint8_t rest[512]; // attributes that were not asked for
    } answer;
    if (diag == DIAG_IS_MISSING)
        return REFUSED;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return REFUSED;
    ssize_t n =
        ask(fd, own, other, ALL_STATES) ? recv(fd, &answer, sizeof answer, MSG_DONTWAIT) : -1;
    bool is_error =
        n >= (ssize_t)(NLMSG_HDRLEN + sizeof answer.error) && answer.head.nlmsg_type == NLMSG_ERROR;
    bool is_nobody = is_error && answer.error.error == -ENOENT && is_known_to_answer(fd, own);
    close(fd);
    if (is_nobody)
        return NOT_THERE;
    if (is_error || n < 0)
        return REFUSED;
    if (answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY ||
        n < (ssize_t)(NLMSG_HDRLEN + sizeof answer.body))
        return REFUSED;
    *found = answer.body;
    return FOUND;
}

// unix(7): Num RefCount Protocol Flags Type St Inode Path. 00010000 is __SO_ACCEPTCON.
static bool read_unix_line(const char *line, const void *wanted, struct listener *out)
{
    const struct conf_game *game = wanted;
    unsigned long flags;
    unsigned long long inode;
    int n = 0;
    if (sscanf(line, "%*s %*s %*s %lx %*s %*s %llu %n", &flags, &inode, &n) != 2 || n == 0 ||
        !(flags & 0x10000) || !link_is_path_of(game, line + n))
        return false;
    out->inode = inode;
    return true;
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

struct tcp_end {
    uint8_t address[16]; // IPv4-mapped
    uint16_t port;
};

static bool is_same_end(const struct tcp_end *a, const struct tcp_end *b)
{
    return a->port == b->port && memcmp(a->address, b->address, 16) == 0;
}

struct tcp_line {
    struct tcp_end local, remote;
    unsigned state;
    uid_t uid;
    unsigned long long inode;
};

// proc(5), /proc/net/tcp: sl local_address rem_address st queues timer retransmits uid timeout
// inode.
static bool read_tcp(const char *line, struct tcp_line *out)
{
    char local[33], remote[33];
    unsigned local_port, remote_port;
    if (sscanf(line, "%*s %32[0-9A-Fa-f]:%x %32[0-9A-Fa-f]:%x %x %*s %*s %*s %u %*s %llu", local,
               &local_port, remote, &remote_port, &out->state, &out->uid, &out->inode) != 7)
        return false;
    out->local.port = (uint16_t)local_port;
    out->remote.port = (uint16_t)remote_port;
    return read_address(local, out->local.address) && read_address(remote, out->remote.address);
}

#define STATE_LISTEN 0x0au

// The port may have other listeners on other addresses (stayd's own).
static bool read_listener_line(const char *line, const void *wanted, struct listener *out)
{
    const struct tcp_end *place = wanted;
    struct tcp_line it;
    if (!read_tcp(line, &it) || it.state != STATE_LISTEN || it.local.port != place->port ||
        (!is_any(it.local.address) && memcmp(it.local.address, place->address, 16) != 0))
        return false;
    *out = (struct listener){.inode = it.inode, .uid = it.uid};
    return true;
}

struct tcp_ends {
    struct tcp_end own, other;
};

static bool read_connection_line(const char *line, const void *wanted, struct listener *out)
{
    const struct tcp_ends *ends = wanted;
    struct tcp_line it;
    if (!read_tcp(line, &it) || it.state == STATE_LISTEN || !is_same_end(&it.local, &ends->own) ||
        !is_same_end(&it.remote, &ends->other))
        return false;
    *out = (struct listener){.inode = it.inode, .uid = it.uid};
    return true;
}

typedef bool read_line_fn(const char *line, const void *wanted, struct listener *out);

static struct listener find_line(const char *path, const void *wanted, read_line_fn *read_line)
{
    char line[512];
    struct listener found = LISTENER_NONE;
    FILE *file = fopen(path, "re");
    if (!file) {
        found.inode = LISTENER_UNSEEN; // so nobody is taken for dead
        return found;
    }
    bool is_found = false;
    while (!is_found && fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        is_found = read_line(line, wanted, &found);
    }
    fclose(file);
    return found;
}

// A connection that nobody has accepted yet has no inode.
static bool is_there(const struct listener *found)
{
    return found->inode != 0 || found->uid != LISTENER_NO_UID;
}

// The lists below /proc/self are there even if only processes are shown (proc(5), subset=pid).
static struct listener find_tcp_line(const void *wanted, read_line_fn *read_line)
{
    static const char ipv6[] = "/proc/self/net/tcp6"; // not there on a kernel without IPv6
    struct listener seen = find_line("/proc/self/net/tcp", wanted, read_line);
    return is_there(&seen) || access(ipv6, F_OK) != 0 ? seen : find_line(ipv6, wanted, read_line);
}

static struct tcp_end tcp_end_of(const struct sockaddr_storage *address)
{
    struct tcp_end end = {0};
    address_to_bytes((const struct sockaddr *)address, end.address, &end.port);
    return end;
}

struct listener listener_look(const struct conf_game *game)
{
    struct inet_diag_msg found;
    if (game->sockaddr.ss_family == AF_UNIX)
        return find_line("/proc/self/net/unix", game, read_unix_line);
    struct end there = end_of(&game->sockaddr);
    struct end nobody = {0};
    switch (find_socket(&there, &nobody, &found)) {
    case FOUND:
        return (struct listener){.inode = found.idiag_inode, .uid = found.idiag_uid};
    case NOT_THERE:
        return LISTENER_NONE;
    case REFUSED:
        break;
    }
    struct tcp_end place = tcp_end_of(&game->sockaddr);
    return find_tcp_line(&place, read_listener_line);
}

bool listener_is_local(int fd)
{
    struct sockaddr_storage address[2];
    socklen_t n[2] = {sizeof address[0], sizeof address[1]};
    struct inet_diag_msg found;
    if (getsockname(fd, (struct sockaddr *)&address[0], &n[0]) < 0 ||
        getpeername(fd, (struct sockaddr *)&address[1], &n[1]) < 0)
        return true; // it has ended already
    struct end here = end_of(&address[0]);
    struct end there = end_of(&address[1]);
    switch (find_socket(&there, &here, &found)) {
    case FOUND:
        return found.idiag_state != TCP_LISTEN;
    case NOT_THERE:
        return false;
    case REFUSED:
        break;
    }
    struct tcp_ends ends = {.own = tcp_end_of(&address[1]), .other = tcp_end_of(&address[0])};
    struct listener other = find_tcp_line(&ends, read_connection_line);
    return is_there(&other); // where that cannot be seen, too
}

// Its descriptors are closed to us: can it be the process of the user who has made the socket?
// Of what root has made nothing can be said: it may have become another user since. And the files
// of a process that guards itself look like root's.
static enum listener_owner compare_users(const struct listener *listener, pid_t pid)
{
    char path[32];
    struct stat process;
    snprintf(path, sizeof path, "/proc/%d", (int)pid);
    if (listener->uid == LISTENER_NO_UID || listener->uid == 0 || stat(path, &process) < 0 ||
        process.st_uid == 0)
        return LISTENER_CANNOT_TELL;
    return process.st_uid == listener->uid ? LISTENER_CANNOT_TELL : LISTENER_ANOTHERS;
}

// The sockets that listen in this process' network namespace. Returns how many.
static size_t read_listeners(pid_t pid, uint64_t inode[MOST_LISTENERS])
{
    static const char *const names[] = {"tcp", "tcp6"};
    size_t n = 0;
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[40], line[512];
        unsigned state;
        snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, names[i]);
        FILE *file = fopen(path, "re");
        while (file && n < MOST_LISTENERS && fgets(line, sizeof line, file))
            if (sscanf(line, "%*s %*s %*s %x %*s %*s %*s %*s %*s %" SCNu64, &state, &inode[n]) ==
                    2 &&
                state == 0x0a)
                n++;
        if (file)
            fclose(file);
    }
    return n;
}

// The inode of the socket that this descriptor is, or 0.
static uint64_t read_socket(int folder, const char *name)
{
    char target[40] = "";
    uint64_t inode = 0;
    if (readlinkat(folder, name, target, sizeof target - 1) <= 0 ||
        sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
        return 0;
    return inode;
}

static bool has_one_of(DIR *folder, const uint64_t *inode, size_t n)
{
    rewinddir(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        uint64_t its = read_socket(dirfd(folder), entry->d_name);
        for (size_t i = 0; its && i < n; i++)
            if (inode[i] == its)
                return true;
    }
    return false;
}

enum listener_owner listener_is_of(const struct listener *listener, pid_t pid)
{
    char path[32];
    uint64_t others[MOST_LISTENERS];
    if (listener->inode == 0 || listener->inode == LISTENER_UNSEEN)
        return LISTENER_CANNOT_TELL;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return compare_users(listener, pid);
    enum listener_owner owner = has_one_of(folder, &listener->inode, 1) ? LISTENER_ITS
                                : has_one_of(folder, others, read_listeners(pid, others))
                                    ? LISTENER_ELSEWHERE
                                    : LISTENER_ANOTHERS;
    closedir(folder);
    return owner;
}
