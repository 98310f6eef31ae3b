// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The control socket's file and its listening descriptor (doc/PROTOCOL.control): made once at
// start, by who holds the lock, and kept by the guard; workers serve it (ops/control.h).
//
// Errors: a line on stderr that says what is wrong and what to do, and false.
#ifndef STAYD_GUARD_CONTROL_SOCKET_H
#define STAYD_GUARD_CONTROL_SOCKET_H

#include "process/heritage.h"

// Sets heritage->control_fd. The lock must be held: a socket that is in the way is a dead one's.
bool control_socket_open(struct heritage *heritage);

// Is nothing in its way, which would be somebody else's?
bool control_socket_can_open(const struct conf *conf);

// The file's mode as this configuration, with the same path, wants it. Logged if it cannot be.
void control_socket_set_mode(const struct conf *conf);

#endif
