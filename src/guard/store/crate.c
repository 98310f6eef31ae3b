// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One message in one end of a socket pair, whose other end is closed (crate.h).
#include "guard/store/crate.h"

#include "base/fd.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(CRATE_MAX_FDS * sizeof(int))];
};

static bool put(int end, const void *data, size_t n_data, const int *fds, unsigned n_fds)
{
    union control control = {0};
    struct iovec iovec = {(void *)data, n_data};
    struct msghdr message = {.msg_iov = &iovec, .msg_iovlen = 1};
    if (n_fds > 0) {
        control.header = (struct cmsghdr){.cmsg_len = CMSG_LEN(n_fds * sizeof *fds),
                                          .cmsg_level = SOL_SOCKET,
                                          .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), fds, n_fds * sizeof *fds);
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(n_fds * sizeof *fds);
    }
    return sendmsg(end, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)n_data;
}

int crate_pack(const void *data, size_t n_data, const int *fds, unsigned n_fds)
{
    int ends[2];
    if (n_fds > CRATE_MAX_FDS || n_data == 0 || n_data > CRATE_MAX_BYTES) {
        errno = EINVAL;
        return -1;
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return -1;
    bool is_packed = put(ends[0], data, n_data, fds, n_fds);
    fd_close(ends[0]);
    if (is_packed)
        return ends[1];
    fd_close(ends[1]);
    return -1;
}

static unsigned take(struct msghdr *message, int fds[CRATE_MAX_FDS])
{
    unsigned n = 0;
    for (struct cmsghdr *it = CMSG_FIRSTHDR(message); it; it = CMSG_NXTHDR(message, it)) {
        if (it->cmsg_level != SOL_SOCKET || it->cmsg_type != SCM_RIGHTS)
            continue;
        n = (unsigned)((it->cmsg_len - CMSG_LEN(0)) / sizeof *fds);
        memcpy(fds, CMSG_DATA(it), n * sizeof *fds);
    }
    return n;
}

ssize_t crate_look(int crate, void *data, size_t room, int fds[CRATE_MAX_FDS], unsigned *n_fds)
{
    union control control;
    struct iovec iovec = {data, room};
    struct msghdr message = {.msg_iov = &iovec,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t n = recvmsg(crate, &message, MSG_PEEK | MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return -1;
    *n_fds = take(&message, fds);
    // MSG_CTRUNC: the process may not have so many.
    if (n > 0 && !(message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)))
        return n;
    while (*n_fds > 0)
        close(fds[--*n_fds]);
    errno = n == 0 ? ENOMSG : message.msg_flags & MSG_TRUNC ? EMSGSIZE : EMFILE;
    return -1;
}
