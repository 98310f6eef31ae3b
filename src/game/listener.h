// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The socket that listens at a game's address: which one, whose, and whether it is a process'. It
// is found without connecting, which the game would see. What was seen is true of that moment only.
//
// Over TCP the kernel is asked which socket it would choose for a connect (sock_diag(7)); where it
// may not be asked, /proc/net/tcp is read. Of Unix sockets /proc/net/unix is read.
//
// Errors: LISTENER_UNSEEN.
#ifndef STAYD_GAME_LISTENER_H
#define STAYD_GAME_LISTENER_H

#include "conf/conf.h"
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define LISTENER_UNSEEN UINT64_MAX // it cannot be found out
#define LISTENER_NO_UID UINT32_MAX // whose it is cannot be found out
#define LISTENER_NONE ((struct listener){.uid = LISTENER_NO_UID})

struct listener {
    uint64_t inode; // which no other socket has while it lives; 0: nobody listens here
    uid_t uid; // of who has made it; a Unix socket's is told by a connection (link_credentials)
};

struct listener listener_look(const struct conf_game *game);

enum listener_owner {
    LISTENER_ITS,
    LISTENER_ANOTHERS,  // it listens nowhere on TCP
    LISTENER_ELSEWHERE, // it listens, by another socket: this one may be of a proxy before it
    LISTENER_CANNOT_TELL,
};

// Does this process have the socket?
enum listener_owner listener_is_of(const struct listener *listener, pid_t pid);

// Is the other end of this TCP connection in our network namespace? If not, something has led the
// connect elsewhere, as Docker's rules do.
bool listener_is_local(int fd);

#endif
