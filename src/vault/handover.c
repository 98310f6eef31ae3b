// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The queue between entry and worker (handover.h). Errors: as there.
#include "vault/handover.h"

#include "base/fd.h"
#include "vault/point.h"
#include "vault/slot.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define NUMBER_BITS 40u
#define TRIES 3 // of a call that fails for want of something

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(2 * sizeof(int))]; // one more than there may be, to see that there is
};

int handover_make(int *queue, int *sending)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    *queue = ends[0];
    *sending = ends[1];
    return 0;
}

int handover_send(int sending, const struct handover *message, int fd)
{
    union control control = {.header = {.cmsg_len = CMSG_LEN(sizeof fd),
                                        .cmsg_level = SOL_SOCKET,
                                        .cmsg_type = SCM_RIGHTS}};
    struct iovec iovec = {(void *)(uintptr_t)message, sizeof *message};
    struct msghdr header = {.msg_iov = &iovec,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = CMSG_SPACE(sizeof fd)};
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    return sendmsg(sending, &header, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)sizeof *message ? 0
                                                                                              : -1;
}

// That an entry has died with an order unread is an error of the queue, reported once, before what
// lies in it. Others pass, too.
static ssize_t receive(int queue, struct msghdr *header, int flags)
{
    ssize_t n = -1;
    for (int i = 0; i < TRIES && n < 0; i++) {
        n = recvmsg(queue, header, flags | MSG_DONTWAIT);
        if (n < 0 && errno == EAGAIN)
            break;
    }
    return n;
}

// How many descriptors have come with a message, as far as there was room for them. *fd: if it is
// one; else none is left open, and it is as it was.
static unsigned take_fds(struct msghdr *header, int *fd)
{
    int fds[2];
    unsigned n = 0;
    for (struct cmsghdr *it = CMSG_FIRSTHDR(header); it; it = CMSG_NXTHDR(header, it)) {
        if (it->cmsg_level != SOL_SOCKET || it->cmsg_type != SCM_RIGHTS || n)
            continue;
        n = (unsigned)((it->cmsg_len - CMSG_LEN(0)) / sizeof *fds);
        memcpy(fds, CMSG_DATA(it), n * sizeof *fds);
    }
    if (n == 1)
        *fd = fds[0];
    for (unsigned i = 0; n > 1 && i < n; i++)
        fd_close(fds[i]);
    return n;
}

static bool ask(int fd, int option, int *value)
{
    socklen_t n = sizeof *value;
    int result = -1;
    for (int i = 0; i < TRIES && result < 0; i++)
        result = getsockopt(fd, SOL_SOCKET, option, value, &n);
    return result == 0;
}

// A player's connection is a connected stream, over TCP.
static enum handover_head look_at_fd(int fd)
{
    int type, family, listens;
    if (!ask(fd, SO_TYPE, &type) || !ask(fd, SO_DOMAIN, &family) ||
        !ask(fd, SO_ACCEPTCONN, &listens))
        return errno == ENOTSOCK || errno == EBADF ? HANDOVER_WRONG : HANDOVER_SHORT;
    // As slot_end_fd, for who is not taken.
    static const struct linger none = {0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
    bool is_tcp = type == SOCK_STREAM && (family == AF_INET || family == AF_INET6);
    return is_tcp && !listens ? HANDOVER_THERE : HANDOVER_WRONG;
}

static enum handover_head name_error(void)
{
    if (errno == EAGAIN || errno == EINTR)
        return HANDOVER_NONE;
    return errno == ENOTCONN ? HANDOVER_ENDED : HANDOVER_SHORT;
}

enum handover_head handover_peek(int queue, struct handover *message, int *fd)
{
    union control control;
    struct iovec iovec = {message, sizeof *message};
    struct msghdr header = {.msg_iov = &iovec,
                            .msg_iovlen = 1,
                            .msg_control = &control,
                            .msg_controllen = sizeof control};
    *fd = -1;
    ssize_t n = receive(queue, &header, MSG_PEEK | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return name_error();
    unsigned n_fds = take_fds(&header, fd);
    bool is_cut = header.msg_flags & MSG_CTRUNC; // there are more descriptors
    if (n == 0 && n_fds == 0 && !is_cut)
        return HANDOVER_ENDED;
    POINT(HANDOVER_PEEKED);
    // The kernel gives out no descriptor when this process may have no more of them.
    if (n_fds == 0 && is_cut) {
        errno = EMFILE;
        return HANDOVER_SHORT;
    }
    bool is_whole = n == (ssize_t)sizeof *message && !(header.msg_flags & MSG_TRUNC) && *fd >= 0 &&
                    !is_cut && message->number >> NUMBER_BITS == 0;
    enum handover_head head = is_whole ? look_at_fd(*fd) : HANDOVER_WRONG;
    if (head == HANDOVER_THERE)
        return head;
    fd_close(*fd);
    *fd = -1;
    return head;
}

void handover_take(int queue)
{
    char byte;
    // What stays all the same is known by its number (worker/inbox.c).
    receive(queue,
            &(struct msghdr){.msg_iov = &(struct iovec){&byte, sizeof byte}, .msg_iovlen = 1}, 0);
    POINT(HANDOVER_TAKEN);
}

uint64_t handover_key(uint64_t serial, uint64_t number)
{
    return serial << NUMBER_BITS | (number & ((UINT64_C(1) << NUMBER_BITS) - 1));
}

static bool is_in(const struct vault *vault, uint64_t key)
{
    slot_each_live(vault, slot)
        if (slot->arrival == key)
            return true;
    return false;
}

static bool settle_one(const struct vault *vault, int queue, struct vault_entry *entry)
{
    uint64_t number;
    // Without room for descriptors none is given out.
    struct msghdr header = {.msg_iov = &(struct iovec){&number, sizeof number}, .msg_iovlen = 1};
    ssize_t n = receive(queue, &header, MSG_PEEK);
    if (n != (ssize_t)sizeof number || !is_in(vault, handover_key(entry->serial, number)))
        return false;
    entry->crashes = 0;
    entry->taken = number;
    handover_take(queue);
    return true;
}

unsigned handover_settle(const struct vault *vault)
{
    unsigned n = 0;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++) {
        struct vault_entry *entry = &vault_entries(vault)->place[i];
        int queue = vault_guard_fds(vault)[VAULT_ENTRY_QUEUES + i];
        if (entry->state == ENTRY_MADE && queue >= 0)
            n += settle_one(vault, queue, entry);
    }
    return n;
}

void handover_order(int queue, enum handover_order order)
{
    char byte = (char)order;
    send(queue, &byte, sizeof byte, MSG_DONTWAIT | MSG_NOSIGNAL);
}

bool handover_is_heard(int sending)
{
    char byte;
    ssize_t n = recv(sending, &byte, sizeof byte, MSG_DONTWAIT | MSG_PEEK);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

int handover_hear(int sending)
{
    char byte;
    ssize_t n = recv(sending, &byte, sizeof byte, MSG_DONTWAIT);
    if (n > 0)
        return byte;
    return n == 0 || errno == ECONNRESET || errno == ENOTCONN || errno == EBADF || errno == ENOTSOCK
               ? -1
               : 0;
}
