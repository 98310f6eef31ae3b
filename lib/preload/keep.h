// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where a player's address is kept: in the socket itself, as a classic BPF program (socket(7),
// SO_ATTACH_FILTER) that lets everything through and whose constants are the address. It goes
// wherever the socket goes, over dup(2), fork(2) and exec(2), ends with it, and needs no memory, no
// file, no descriptor and no lock of ours. It is locked, so nobody can put another one in its
// place. Some kernels let only CAP_NET_ADMIN attach one; there it is kept in a table (table.h).
//
// Errors: false.
#ifndef STAYD_PRELOAD_KEEP_H
#define STAYD_PRELOAD_KEEP_H

#include <stdbool.h>
#include <sys/socket.h>

// AF_INET or AF_INET6.
bool keep_put(int fd, const struct sockaddr_storage *player);

// False: none is kept there. errno is unchanged.
bool keep_find(int fd, struct sockaddr_storage *player);

#endif
