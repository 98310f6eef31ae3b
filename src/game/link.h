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
#include <sys/socket.h>
#include <sys/types.h>

// All that can come before the player's first byte.
#define LINK_HEADER_BYTES (HEADER_MAX_BYTES + HEADER_FORWARDED_BYTES)

enum link_status {
    LINK_MADE,
    LINK_ASKED, // the game's connector has been asked (players/connector.h)
    LINK_BUSY,  // the game's backlog is full, or it is slow: no event will come, try on a timer
    LINK_AWAY,  // nobody listens there (errno); try on a slower timer
};

// Connect to the game. Never blocks. LINK_MADE: *fd is the caller's.
enum link_status link_connect(const struct conf_game *game, int *fd);

// What a connect that failed with this error means: LINK_BUSY or LINK_AWAY.
enum link_status link_judge(int error);

// Is fd a Unix stream socket, connected to the game's?
bool link_is_to(const struct conf_game *game, int fd);

// Is this the path of the game's socket? The game may have bound it by a path from its own folder;
// then only the path's end is known.
bool link_is_path_of(const struct conf_game *game, const char *bound);

// Over a Unix socket: the process that called listen(2) and its user, as they were then
// (SO_PEERCRED, unix(7)). False: fd is no such connection.
bool link_credentials(int fd, struct ucred *peer);

// The address and port that the player has connected to: ours, or a balancer's that said so. False:
// it cannot be known any more.
bool link_find_door(const struct slot *slot, uint8_t to[16], uint16_t *port);

// The header that link_make writes for a player who is new to the game. Returns its length.
size_t link_header(const struct slot *slot, const struct conf_game *game,
                   uint8_t out[LINK_HEADER_BYTES]);

// What is true of a link besides its descriptor.
struct link_terms {
    pid_t pid; // the process behind it, and its start (proc.h); 0: not known
    uint64_t start;
    uint32_t flags;                       // SLOT_FLAG_ACKS, _RESUMES, _HOLDS, _LEAVES
    const struct header_resumed *resumed; // NULL: a new player for the game
    bool is_introduced;                   // the header has gone out already
};

// Write the header on fd and give it to slot, which is not linked. LINK_BUSY: fd is closed.
enum link_status link_make(struct slot *slot, const struct conf_game *game, int fd,
                           const struct link_terms *terms);

#endif
