// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A file in memory (memfd_create(2)) that is closed at an exec, can be sealed, and can never be
// executed: a system with vm.memfd_noexec = 2 gives no other.
//
// Errors: -1 with errno.
#ifndef STAYD_BASE_MEMFD_H
#define STAYD_BASE_MEMFD_H

#include <errno.h>
#include <sys/mman.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u // Linux 6.3
#endif

static inline int memfd_make(const char *name)
{
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);
    if (fd < 0 && errno == EINVAL) // an older kernel
        fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return fd;
}

#endif
