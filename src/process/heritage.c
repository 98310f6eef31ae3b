// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Claims of the processes' own descriptors (heritage.h). Errors: none.
#include "process/heritage.h"

#include <sys/epoll.h>

void heritage_claim(struct vault *vault, unsigned place, int fd)
{
    vault_guard_fds(vault)[place] = fd;
}

void heritage_claim_poll(struct vault *vault, int fd)
{
    struct epoll_event event;
    if (epoll_wait(fd, &event, 1, 0) >= 0) // of anything else it is EINVAL
        heritage_claim(vault, HERITAGE_POLL, fd);
}
