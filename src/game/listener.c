// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Asking the kernel who listens (listener.h). The answer to a sock_diag request is there when
// send(2) returns, so nothing waits.
#include "game/listener.h"

#include "base/address.h"
#include "game/link.h"
#include "game/listener_text.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
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

static bool hear(int fd, struct diag_answer *out)
{
    // What was not asked for may stand behind the rest of it, and be cut.
    uint8_t answer[NLMSG_HDRLEN + sizeof(struct inet_diag_msg) + 512];
    ssize_t n = recv(fd, answer, sizeof answer, MSG_DONTWAIT);
    return n >= 0 && listener_read_diag(answer, (size_t)n, out);
}

enum answer { FOUND, NOT_THERE, REFUSED };

// "No such socket" is also what a kernel says that lacks tcp_diag, and cannot load it. A dump
// tells: there, too, it ends with that error. A kernel that has said so is not asked again, as it
// would look for its module each time, which takes milliseconds.
static enum { DIAG_UNKNOWN, DIAG_ANSWERS, DIAG_IS_MISSING } diag;

static bool is_known_to_answer(int fd, const struct end *own)
{
    struct end nobody = {.family = own->family};
    struct diag_answer answer;
    if (diag == DIAG_UNKNOWN && ask(fd, &nobody, &nobody, NO_STATE) && hear(fd, &answer)) {
        if (answer.is_end && answer.error == 0)
            diag = DIAG_ANSWERS;
        else if (answer.error == ENOENT)
            diag = DIAG_IS_MISSING;
    }
    return diag == DIAG_ANSWERS;
}

// The socket with these ends or, if there is none, the one that listens for them.
static enum answer find_socket(const struct end *own, const struct end *other,
                               struct diag_answer *found)
{
    if (diag == DIAG_IS_MISSING)
        return REFUSED;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0)
        return REFUSED;
    bool is_heard = ask(fd, own, other, ALL_STATES) && hear(fd, found);
    bool is_nobody =
        is_heard && !found->is_end && found->error == ENOENT && is_known_to_answer(fd, own);
    close(fd);
    if (is_nobody)
        return NOT_THERE;
    return is_heard && found->is_socket ? FOUND : REFUSED;
}

static bool read_unix_line(const char *line, const void *wanted, struct listener *out)
{
    const struct conf_game *game = wanted;
    struct unix_line it;
    if (!listener_read_unix(line, &it) || !it.listens || !link_is_path_of(game, it.path))
        return false;
    out->inode = it.inode;
    return true;
}

static bool is_any(const uint8_t bytes[16])
{
    static const uint8_t any[16], any_mapped[16] = {[10] = 0xff, [11] = 0xff};
    return memcmp(bytes, any, 16) == 0 || memcmp(bytes, any_mapped, 16) == 0;
}

static bool is_same_end(const struct tcp_end *a, const struct tcp_end *b)
{
    return a->port == b->port && memcmp(a->address, b->address, 16) == 0;
}

// The port may have other listeners on other addresses (stayd's own).
static bool read_listener_line(const char *line, const void *wanted, struct listener *out)
{
    const struct tcp_end *place = wanted;
    struct tcp_line it;
    if (!listener_read_tcp(line, &it) || !it.listens || it.local.port != place->port ||
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
    if (!listener_read_tcp(line, &it) || it.listens || !is_same_end(&it.local, &ends->own) ||
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
    struct diag_answer found;
    if (game->sockaddr.ss_family == AF_UNIX)
        return find_line("/proc/self/net/unix", game, read_unix_line);
    struct end there = end_of(&game->sockaddr);
    struct end nobody = {0};
    switch (find_socket(&there, &nobody, &found)) {
    case FOUND:
        return (struct listener){.inode = found.inode, .uid = found.uid};
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
    struct diag_answer found;
    if (getsockname(fd, (struct sockaddr *)&address[0], &n[0]) < 0 ||
        getpeername(fd, (struct sockaddr *)&address[1], &n[1]) < 0)
        return true; // it has ended already
    struct end here = end_of(&address[0]);
    struct end there = end_of(&address[1]);
    switch (find_socket(&there, &here, &found)) {
    case FOUND:
        return !found.listens;
    case NOT_THERE:
        return false;
    case REFUSED:
        break;
    }
    struct tcp_ends ends = {.own = tcp_end_of(&address[1]), .other = tcp_end_of(&address[0])};
    struct listener other = find_tcp_line(&ends, read_connection_line);
    return is_there(&other); // where that cannot be seen, too
}

// The process' descriptors cannot be listed by stayd's user: can it be a process of the user who
// has made the socket? If root has made the socket nothing can be said, because that process may
// have become another user since; nor if /proc shows the process as root's, as it does every
// process that protects itself (prctl(2), PR_SET_DUMPABLE).
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
        struct tcp_line it;
        snprintf(path, sizeof path, "/proc/%d/net/%s", (int)pid, names[i]);
        FILE *file = fopen(path, "re");
        while (file && n < MOST_LISTENERS && fgets(line, sizeof line, file))
            if (listener_read_tcp(line, &it) && it.listens)
                inode[n++] = it.inode;
        if (file)
            fclose(file);
    }
    return n;
}

// The inode of the socket that this descriptor is, or 0, with errno.
static uint64_t read_socket(int folder, const char *name)
{
    char target[40] = "";
    uint64_t inode = 0;
    errno = 0;
    if (readlinkat(folder, name, target, sizeof target - 1) <= 0 ||
        sscanf(target, "socket:[%" SCNu64 "]", &inode) != 1)
        return 0;
    return inode;
}

// *is_hidden: there are some that may not be looked at (readlink there asks for more than the folder:
// proc(5), ptrace(2) PTRACE_MODE_READ_FSCREDS).
static bool has_one_of(DIR *folder, const uint64_t *inode, size_t n, bool *is_hidden)
{
    rewinddir(folder);
    for (struct dirent *entry; (entry = readdir(folder));) {
        uint64_t its = read_socket(dirfd(folder), entry->d_name);
        *is_hidden |= its == 0 && (errno == EACCES || errno == EPERM);
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
    bool is_hidden = false;
    if (listener->inode == 0 || listener->inode == LISTENER_UNSEEN)
        return LISTENER_CANNOT_TELL;
    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    DIR *folder = opendir(path);
    if (!folder)
        return compare_users(listener, pid);
    enum listener_owner owner = LISTENER_ANOTHERS;
    if (has_one_of(folder, &listener->inode, 1, &is_hidden))
        owner = LISTENER_ITS;
    else if (has_one_of(folder, others, read_listeners(pid, others), &is_hidden))
        owner = LISTENER_ELSEWHERE;
    else if (is_hidden)
        owner = compare_users(listener, pid);
    closedir(folder);
    return owner;
}
