// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A file in memory (memfd_create(2)) that can be sealed and never executed: a system with
// vm.memfd_noexec = 2 gives no other.
//
// Errors: -1 with errno.
#ifndef STAY_MEMFD_H
#define STAY_MEMFD_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/mman.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u // Linux 6.3
#endif

// flags: MFD_CLOEXEC, or 0 for one that goes on over an exec.
static inline int stay_memfd(const char *name, unsigned flags)
{
    int fd = memfd_create(name, flags | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) // an older kernel
        fd = memfd_create(name, flags | MFD_ALLOW_SEALING);
    return fd;
}

// Has it at least these seals?
static inline bool stay_memfd_has(int fd, int seals)
{
    int present = fcntl(fd, F_GET_SEALS);
    return present >= 0 && (present & seals) == seals;
}

#endif
