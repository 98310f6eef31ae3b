// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Choosing the game (choose.h). Errors: none.
#include "players/choose.h"

#include "vault/facts.h"

#include <string.h>

bool choose_game(struct slot *slot, const struct conf *conf)
{
    char sni[SLOT_FACTS_BYTES + 1] = "";
    size_t n = 0;
    const uint8_t *fact = facts_find(slot, FACT_SNI, &n);
    if (fact)
        memcpy(sni, fact, n);
    unsigned chosen = conf_game_for(conf, &conf->listener[slot->listener], sni, slot->tls_version);
    if (chosen == CONF_NO_GAME)
        return false;
    slot->game = (uint16_t)chosen;
    const struct conf_game *game = &conf->game[slot->game];
    slot->flags |= (game->is_telnet ? SLOT_FLAG_TELNET : 0) |
                   (game->may_compress ? SLOT_FLAG_MAY_COMPRESS : 0) |
                   (game->is_mnes ? SLOT_FLAG_MNES : 0) |
                   (game->is_forwarded ? SLOT_FLAG_FORWARDED : 0);
    return true;
}
