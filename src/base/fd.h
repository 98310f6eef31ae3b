// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Closing a descriptor on the way out: errno still says why.
//
// Errors: none.
#ifndef STAYD_BASE_FD_H
#define STAYD_BASE_FD_H

#include <errno.h>
#include <unistd.h>

// Close it, if it is one (not negative). errno stays as it was.
static inline void fd_close(int fd)
{
    int error = errno;
    if (fd >= 0)
        close(fd);
    errno = error;
}

#endif
