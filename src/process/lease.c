// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Places and who holds them (lease.h). Errors: none.
#include "process/lease.h"

#include <errno.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#define TRIES 3 // of a call that fails for want of something

bool lease_has_died(int pidfd)
{
    struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};
    int n = -1;
    for (int i = 0; i < TRIES && n < 0; i++)
        n = poll(&poll_fd, 1, 0);
    return n == 1;
}

static int open_pidfd(pid_t pid)
{
    int fd = -1;
    errno = 0;
    for (int i = 0; i < TRIES && fd < 0 && errno != ESRCH; i++)
        fd = pidfd_open(pid, 0);
    return fd;
}

// Another program may have the number by now; it is not in our group.
static bool is_in_our_group(pid_t pid)
{
    pid_t group = getpgid(pid);
    return group < 0 ? errno != ESRCH : group == getpgrp();
}

bool lease_is_alive(uint64_t word)
{
    pid_t pid = lease_pid(word);
    if (pid == 0)
        return false;
    if (pid == getpid())
        return true;
    int fd = open_pidfd(pid);
    if (fd < 0)
        return errno != ESRCH;
    bool is_dead = lease_has_died(fd);
    close(fd);
    return !is_dead && is_in_our_group(pid);
}

uint64_t lease_take(vault_place *place, uint64_t seen)
{
    uint64_t mine = ((seen >> 32) + 1) << 32 | (uint32_t)getpid();
    return atomic_compare_exchange_strong(place, &seen, mine) ? mine : 0;
}
