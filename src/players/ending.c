// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Ends of connections in words (ending.h). Errors: none.
#include "players/ending.h"

#include "record/record_alert.h"
#include "vault/flow.h"
#include "vault/slot.h"

#include <stdio.h>

static void say(struct ending *ending, const char *by, const char *why)
{
    ending->by = by;
    snprintf(ending->why, sizeof ending->why, "%s", why);
}

static void say_alert(struct ending *ending, const struct flow_state *to_game)
{
    bool is_theirs = to_game->flags & FLOW_DEAF;
    char name[RECORD_ALERT_NAME_BYTES];
    ending->by = is_theirs ? "player" : "stayd";
    snprintf(ending->why, sizeof ending->why, "%s the alert %s",
             is_theirs ? "the player's program has sent" : "the player was sent",
             record_alert_name(name, to_game->input.alert));
}

void ending_look(struct ending *ending, const struct slot *slot)
{
    const struct flow_state *to_game = flow_now(&slot->flow[TO_GAME]);
    switch ((enum slot_end)slot->ended_by) {
    case SLOT_END_ADMIN:
        say(ending, "admin", "kicked");
        return;
    case SLOT_END_GAME:
        say(ending, "game", "the game had it closed");
        return;
    case SLOT_END_GAME_GONE:
        say(ending, "game", "the game has ended, and its players with it");
        return;
    case SLOT_END_AWAY:
        say(ending, "stayd", "the game was away for too long");
        return;
    case SLOT_END_STOP:
        say(ending, "stayd", "stayd ends");
        return;
    case SLOT_END_WORN:
        say(ending, "stayd", "as much was sent as may be under one key of TLS 1.2");
        return;
    case SLOT_END_FULL:
        say(ending, "stayd", "max-players are connected");
        return;
    case SLOT_END_ADDRESS:
        say(ending, "stayd", "max-players-per-address are connected");
        return;
    case SLOT_END_SEEN:
        break;
    }
    if (to_game->input.alert != FLOW_ALERT_NONE)
        say_alert(ending, to_game);
    else if (slot_has(slot, SLOT_FLAG_PLAYER_ENDED))
        say(ending, "player", "the player left");
    else if (slot_has(slot, SLOT_FLAG_GAME_ENDED))
        say(ending, "game", "the game closed it");
    else
        say(ending, "stayd", "stayd ended it");
}
