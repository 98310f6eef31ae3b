// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where a player's address is kept when the kernel does not let it be kept in the socket itself
// (keep.h): in memory that belongs to a file without a name (memfd_create(2)). Its descriptor goes
// over fork(2) and exec(2), and the program behind an exec finds it among its own by its name. A
// socket is told from every other one by its cookie (SO_COOKIE in socket(7)), which no second
// socket ever has: what is kept of one that is closed is never shown for another.
//
// Errors: false with errno: no memory or descriptor, a descriptor over TABLE_SOCKETS, a kernel
// older than 4.12.
#ifndef STAYD_PRELOAD_TABLE_H
#define STAYD_PRELOAD_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#define TABLE_SOCKETS 65536u
#define TABLE_WORDS 6u

// *is_first: the table was made for this, by no earlier call and no earlier program.
bool table_put(int fd, const uint32_t words[TABLE_WORDS], bool *is_first);

// False: nothing is kept of this socket.
bool table_find(int fd, uint32_t words[TABLE_WORDS]);

#endif
