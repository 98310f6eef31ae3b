// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Is a connection that the game has accepted from stayd? The kernel says who made the socket at the
// other end: sock_diag(7) finds it by its addresses and names its owner. That cannot be forged:
//
//   - Only the ports in STAYD_PRELOAD count, and only a peer on a loopback address, which the
//     network does not deliver (RFC 1122, 3.2.1.3). So a player who comes past stayd has the
//     address it comes from.
//   - The socket must be of a user who may speak as stayd. Another user's is that user's, whatever
//     it sends.
//   - A socket that its owner has closed has no owner any more, and the kernel shows it as root's,
//     with inode 0. Its words may wait in our buffer all the same. It counts as gone.
//   - When the owner is the game's own user, the socket must not be one of the game's own: games
//     let their wizards open connections.
//
// Errors: what cannot be found out is TRUST_GONE; the connection is then closed, never believed.
#ifndef STAYD_PRELOAD_TRUST_H
#define STAYD_PRELOAD_TRUST_H

#include "settings.h"

#include <sys/socket.h>

enum trust {
    TRUST_STRANGER, // not stayd: the address that the kernel shows is the true one
    TRUST_STAYD,
    TRUST_GONE, // who it was cannot be told any more
};

// local and peer: the addresses of the accepted socket.
enum trust trust_look(const struct settings *settings, const struct sockaddr_storage *local,
                      const struct sockaddr_storage *peer);

#endif
