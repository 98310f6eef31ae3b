// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Places and who holds them (lease.h). Errors: none.
#include "guard/lease.h"

#include <errno.h>
#include <poll.h>
#include <sys/pidfd.h>
#include <unistd.h>

bool lease_is_alive(uint64_t word)
{
    pid_t pid = lease_pid(word);
    if (pid == 0)
        return false;
    if (pid == getpid())
        return true;
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return errno != ESRCH;
    // A zombie's pidfd can be opened, and is readable.
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    bool is_alive = poll(&poll_fd, 1, 0) != 1; // what cannot be looked at is not known to be dead
    close(fd);
    // Another program may have the number by now; it is not in our group.
    return is_alive && getpgid(pid) == getpgrp();
}

uint64_t lease_take(vault_place *place, uint64_t seen)
{
    uint64_t mine = ((seen >> 32) + 1) << 32 | (uint32_t)getpid();
    return atomic_compare_exchange_strong(place, &seen, mine) ? mine : 0;
}
