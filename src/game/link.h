// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The link to the game: connect, and write the header together with it. A link
// belongs to a slot only once the header has gone out whole (I9); until then it
// is nobody's and simply closed.
//
// Errors: a reason to try again later, with errno.
#ifndef STAYD_GAME_LINK_H
#define STAYD_GAME_LINK_H

#include "conf/conf.h"
#include "vault/vault.h"

enum link_status {
    LINK_MADE,
    LINK_BUSY, // the game's backlog is full, or it is slow: no event will come, try on a timer
    LINK_AWAY, // nobody listens there (errno); try on a slower timer
};

// Connect slot to its game. Never blocks. The slot must not be linked.
enum link_status link_make(struct slot *slot, const struct conf_game *game);

#endif
