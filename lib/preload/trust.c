// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Asking the kernel whose the other end is (trust.h). The answer to a sock_diag request is there
// when send(2) returns, so nothing waits.
// Errors: TRUST_GONE.
#include "trust.h"

#include "say.h"

#include <dirent.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// One end of a connection, as inet_diag has it: IPv4-mapped is IPv4, numbers in network order.
struct end {
    uint8_t family;
    uint16_t port;
    uint32_t address[4];
};

static struct end end_of(const struct sockaddr_storage *address)
{
    struct end end = {.family = (uint8_t)address->ss_family};
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        end.port = in->sin_port;
        end.address[0] = in->sin_addr.s_addr;
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)address;
        end.port = in6->sin6_port;
        memcpy(end.address, &in6->sin6_addr, sizeof end.address);
        if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
            end.family = AF_INET;
            memcpy(end.address, (uint32_t[4]){end.address[3]}, sizeof end.address);
        }
    }
    return end;
}

static bool is_loopback(const struct end *end)
{
    struct in6_addr in6;
    memcpy(&in6, end->address, sizeof in6);
    if (end->family == AF_INET)
        return ntohl(end->address[0]) >> 24 == IN_LOOPBACKNET;
    return end->family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6);
}

static bool is_for_stayd(const struct settings *settings, const struct end *local)
{
    for (unsigned i = 0; i < settings->n_ports; i++)
        if (settings->port[i] == ntohs(local->port))
            return true;
    return false;
}

static bool ask(int fd, const struct end *own, const struct end *other)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_req_v2 body;
    } request = {
        .head = {.nlmsg_len = sizeof request,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST},
        .body = {.sdiag_family = own->family,
                 .sdiag_protocol = IPPROTO_TCP,
                 .idiag_states = UINT32_MAX,
                 .id = {.idiag_sport = own->port,
                        .idiag_dport = other->port,
                        .idiag_cookie = {INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE}}},
    };
    memcpy(request.body.id.idiag_src, own->address, sizeof own->address);
    memcpy(request.body.id.idiag_dst, other->address, sizeof other->address);
    return send(fd, &request, sizeof request, MSG_DONTWAIT) == (ssize_t)sizeof request;
}

// Of a socket that is not there the kernel may show one that listens on its port.
static bool is_that_one(const struct inet_diag_msg *found, const struct end *own,
                        const struct end *other)
{
    return found->idiag_state != TCP_LISTEN && found->id.idiag_sport == own->port &&
           found->id.idiag_dport == other->port;
}

// The socket with these ends. False: there is none, or the kernel does not say.
static bool find_socket(const struct end *own, const struct end *other, struct inet_diag_msg *found)
{
    struct {
        struct nlmsghdr head;
        struct inet_diag_msg body;
        uint8_t rest[512]; // attributes that were not asked for
    } answer;
    static atomic_flag is_said = ATOMIC_FLAG_INIT;
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fd < 0) {
        say_once(&is_said,
                 "the kernel cannot be asked whose a connection is (sock_diag: %s): "
                 "players are closed",
                 strerror(errno));
        return false;
    }
    ssize_t n = ask(fd, own, other) ? recv(fd, &answer, sizeof answer, MSG_DONTWAIT) : -1;
    close(fd);
    if (n < (ssize_t)offsetof(typeof(answer), rest) ||
        answer.head.nlmsg_type != SOCK_DIAG_BY_FAMILY) {
        say_once(
            &is_said,
            "the kernel does not know whose a connection is (sock_diag): a player is closed; if "
            "that happens to all, load its module tcp_diag");
        return false;
    }
    *found = answer.body;
    return is_that_one(found, own, other);
}

// Does this process have the socket with this inode?
static bool is_own_socket(uint32_t inode)
{
    char wanted[32];
    bool is_own = false;
    DIR *folder = opendir("/proc/self/fd");
    if (!folder)
        return true; // it cannot be told, so it is not believed
    int n_wanted = snprintf(wanted, sizeof wanted, "socket:[%u]", inode);
    for (struct dirent *entry; !is_own && (entry = readdir(folder));) {
        char target[32];
        ssize_t n = readlinkat(dirfd(folder), entry->d_name, target, sizeof target);
        is_own = n == n_wanted && memcmp(target, wanted, (size_t)n) == 0;
    }
    closedir(folder);
    return is_own;
}

static bool is_stayds(const struct settings *settings, const struct inet_diag_msg *found)
{
    if (settings->has_uid ? found->idiag_uid != settings->uid
                          : found->idiag_uid != 0 && found->idiag_uid != geteuid())
        return false;
    return found->idiag_uid != geteuid() || !is_own_socket(found->idiag_inode);
}

enum trust trust_look(const struct settings *settings, const struct sockaddr_storage *local,
                      const struct sockaddr_storage *peer)
{
    struct end here = end_of(local);
    struct end there = end_of(peer);
    struct inet_diag_msg found;
    if (!is_for_stayd(settings, &here) || !is_loopback(&there))
        return TRUST_STRANGER;
    if (!find_socket(&there, &here, &found) || found.idiag_inode == 0)
        return TRUST_GONE;
    return is_stayds(settings, &found) ? TRUST_STAYD : TRUST_STRANGER;
}
