// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The link to the game: connect, see who is there, and write the header together with it. A link
// belongs to a slot only once the header has gone out whole (I9); until then it
// is nobody's and simply closed.
//
// Errors: a reason to try again later, with errno.
#ifndef STAYD_GAME_LINK_H
#define STAYD_GAME_LINK_H

#include "conf/conf.h"
#include "game/header.h"
#include "vault/vault.h"
#include <stdbool.h>
#include <sys/types.h>

enum link_status {
    LINK_MADE,
    LINK_BUSY, // the game's backlog is full, or it is slow: no event will come, try on a timer
    LINK_AWAY, // nobody listens there (errno); try on a slower timer
};

// Connect to the game. Never blocks. LINK_MADE: *fd is the caller's.
enum link_status link_connect(const struct conf_game *game, int *fd);

// Who listens there: over a Unix socket the process that called listen(2) (SO_PEERCRED, unix(7)),
// over TCP the one in the game's pid-file. 0: not known.
pid_t link_peer(const struct conf_game *game, int fd);

// What is true of a link besides its descriptor.
struct link_terms {
    pid_t pid; // the process behind it, and its start (process.h); 0: not known
    uint64_t start;
    uint32_t flags;                       // SLOT_FLAG_ACKS, SLOT_FLAG_RESUMES
    const struct header_resumed *resumed; // NULL: a new player for the game
};

// Write the header on fd and give it to slot, which is not linked. LINK_BUSY: fd is closed.
enum link_status link_make(struct slot *slot, const struct conf_game *game, int fd,
                           const struct link_terms *terms);

// The socket that listens at the game's address, by its inode, which no other socket has while it
// lives. Without connecting, which the game would see. 0: nobody listens.
uint64_t link_listener(const struct conf_game *game);

#define LINK_UNSEEN UINT64_MAX // it cannot be found out

#endif
