// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The run directory and what stands in it by name: the game's lock, its socket,
// and stayd's lock, by which one sees whether stayd is alive.
//
// Errors: false or -1, with words in error.
#ifndef STAY_PLACE_H
#define STAY_PLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/un.h>

#define STAY_PATH_BYTES sizeof(((struct sockaddr_un *)NULL)->sun_path)
#define STAY_BACKLOG 511

#define STAY_GAME_SOCKET "game.sock"
#define STAY_GAME_SOCKET_NEW "game.sock.new"
#define STAY_GAME_LOCK "game.lock"
#define STAY_CONTROL "control.sock"
#define STAY_LOCK_ENDING ".lock" // behind the control socket's path: stayd's lock
#define STAY_LOG "stayd.log"
#define STAY_CONFIGURATION "stayd.conf"

// Put DIRECTORY/NAME together. Never too long once stay_place_make has succeeded.
void stay_place_path(char path[STAY_PATH_BYTES], const char *directory, const char *name);

// Do the paths of the sockets and locks in this directory fit?
bool stay_place_is_short(const char *directory);

// Make the directory if there is none, and check that nobody else can write in it.
bool stay_place_make(const char *directory, char *error, size_t error_size);

// Take the lock that the game holds while it lives, over reboots too. Returns its descriptor.
// Without it there is no telling a dead game's socket from one that another process listens on.
int stay_place_lock(const char *directory, char *error, size_t error_size);

// Make the listening socket, non-blocking, under STAY_GAME_SOCKET_NEW; nothing may be in the way of
// its name-to-be but a dead game's socket. Call with the lock held.
int stay_place_listen(const char *directory, mode_t mode, char *error, size_t error_size);

// Give it its name. So it appears when it listens and has its mode, and everything else is ready.
bool stay_place_show(const char *directory, char *error, size_t error_size);

// Is the stayd alive whose control socket is at this path? It, and every process of it, holds the
// lock beside it as long as it lives. Another user's lock is closed; then its socket tells.
bool stay_place_has_stayd(const char *control);

// The guard's process id, as stayd has written it into its lock; 0: none, none alive, or one of
// another pid namespace.
pid_t stay_place_guard(const char *control);

#endif
