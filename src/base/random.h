// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Random bytes from the kernel: a generator of one's own has a state, which clones would share.
//
// Errors: false with errno.
#ifndef STAYD_BASE_RANDOM_H
#define STAYD_BASE_RANDOM_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/random.h>
#include <sys/types.h>

// Up to 256 bytes, which come whole (getrandom(2)).
static inline bool random_fill(void *bytes, size_t n)
{
    ssize_t n_got;
    do
        n_got = getrandom(bytes, n, 0);
    while (n_got < 0 && errno == EINTR);
    return n_got == (ssize_t)n;
}

#endif
