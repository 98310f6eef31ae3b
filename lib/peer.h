// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who is at the other end of a Unix socket, by SO_PEERCRED: who called connect(2), or listen(2).
// It cannot be forged (unix(7)).
//
// Errors: a socket that does not say counts as a stranger's.
#ifndef STAY_PEER_H
#define STAY_PEER_H

#include <stdbool.h>
#include <sys/socket.h>
#include <unistd.h>

// Is it root, this process's own user, or user (0: nobody else)?
static inline bool stay_peer_is(int fd, uid_t user)
{
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        return false;
    return peer.uid == 0 || peer.uid == geteuid() || (user != 0 && peer.uid == user);
}

#endif
