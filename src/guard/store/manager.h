// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The service manager, if we are one of its units (systemd; sd_notify(3)): what it is told, and
// that it can keep descriptors for us (FileDescriptorStoreMax= in systemd.service(5)).
//
// The protocol is datagrams of lines "KEY=VALUE" to the socket that $NOTIFY_SOCKET names, with a
// descriptor beside them where one belongs to it. Older than systemd 254 the manager does not say
// that it has a store; then the unit does, as later ones do: Environment=FDSTORE=NUMBER.
//
// Errors: false with errno; nothing that a unit is told is needed to serve players.
#ifndef STAYD_GUARD_STORE_MANAGER_H
#define STAYD_GUARD_STORE_MANAGER_H

#include <stdbool.h>

// The first of the descriptors that it passes (sd_listen_fds(3)).
#define MANAGER_FIRST_FD 3

// Called first. A manager's words are for the process that it has started: what a game that has
// started stayd was told is taken out of the environment here; and all, if we are not to be a unit.
void manager_meet(bool is_unit);

bool manager_is_there(void);
bool manager_has_store(void);

// How many descriptors it has passed to this process, from MANAGER_FIRST_FD on.
int manager_n_passed(void);

// The name under which the descriptor MANAGER_FIRST_FD + index was stored; cut to fit. Returns
// name.
#define MANAGER_NAME_BYTES 32u
char *manager_name(char name[MANAGER_NAME_BYTES], int index);

// fd: -1 for none. Where there is no manager, it is said to nobody. waits: up to a second, for
// room; else EAGAIN.
bool manager_say(int fd, bool waits, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

// Until all that was said has been taken in. False: not within so many ms.
bool manager_wait(int ms);

#endif
