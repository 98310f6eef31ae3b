// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who comes, and how (door.h): new, or from before a reboot, or from before the game's death.
//
// Errors: none.
#include "door.h"

#include "keep.h"
#include "life.h"
#include "login.h"
#include "output.h"
#include "resume.h"
#include "shut.h"
#include "stayd.h"
#include "stream.h"
#include "terminal.h"
#include "turn.h"

#include <stdio.h>

// A connection has come that may be here already: when stayd's worker dies just while it joins a
// player to the game, the next worker does so again; or it was awaited. The newest counts; nobody
// sees the other go. Returns how many lines found no room in that one.
static unsigned supersede(struct mush *mush, const struct stay_player *player)
{
    struct link *link = player->has_id ? link_find_id(mush, player->id) : NULL;
    if (!link)
        return 0;
    if (link->is_touched)
        turn_commit(mush); // what it has done so far counts
    if (link->phase != LINK_GONE) {
        link->player.has_id = false; // the ledger's entry is the new one's
        link_finish(link);
    }
    return link->n_lost;
}

// Somebody who is shut out is told so, and by what, and is gone.
static void receive(struct mush *mush, const struct stay_player *player)
{
    struct link *link = link_new(mush, player);
    struct shut_pattern pattern;
    if (!link)
        return;
    if (link_is_stored(link))
        ledger_forget(world_db(mush->world), player->id);
    if (!shut_out(mush->world, &player->sockaddr, player->address, player->host, &pattern)) {
        if (mush->settings->telnet_first)
            terminal_invite(link);
        login_greet(link);
        return;
    }
    fprintf(stderr, "minimush: sitelock %s: %s (%s)\n", pattern.text, player->address,
            player->host);
    link_tell(link, "Connections from your site are not accepted here (sitelock %s).",
              pattern.text);
    link_leave(link);
}

void door_serve(struct mush *mush)
{
    struct stay_player player;
    while (stay_accept(mush->stay, &player) > 0) {
        unsigned n_lost = supersede(mush, &player);
        switch (player.origin) {
        case STAY_REBOOTED:
            link_restore(mush, &player);
            break;
        case STAY_RESUMED:
            link_resume(mush, &player, n_lost);
            break;
        case STAY_NEW:
            receive(mush, &player);
            break;
        }
    }
    stayd_say_restarts(mush);
    stayd_say_refusals(mush);
}
