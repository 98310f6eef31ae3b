// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A host's name may be written with a dot at its end (RFC 1034, section 3.1). In TLS it has none
// (RFC 6066, section 3), and programs that send one mean the same host.
//
// Errors: none.
#ifndef STAYD_BASE_HOST_H
#define STAYD_BASE_HOST_H

#include <stddef.h>
#include <string.h>

// The name's length without that dot.
static inline size_t host_length(const char *name)
{
    size_t n = strlen(name);
    return n > 1 && name[n - 1] == '.' ? n - 1 : n;
}

#endif
