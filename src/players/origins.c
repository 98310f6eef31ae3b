// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players by network (origins.h). Errors: NULL without memory or random bytes.
#include "players/origins.h"

#include "base/random.h"
#include "players/players.h"

struct tally *origins_make(uint32_t n_slots)
{
    struct tally_key key;
    return random_fill(&key, sizeof key) ? tally_make(TALLY_LEVELS * n_slots, &key) : NULL;
}

void origins_add(const struct players *players, const struct slot *slot)
{
    tally_add(players->origins, slot->address);
}

void origins_drop(const struct players *players, const struct slot *slot)
{
    tally_drop(players->origins, slot->address);
}

enum gate_verdict origins_seat(void *arg, const uint8_t address[16], bool is_exempt,
                               struct network *network)
{
    const struct players *players = arg;
    const uint32_t limit = players->heritage->conf.max_players_per_address;
    if (players->slots.n_free == 0)
        return GATE_FULL;
    if (limit > 0 && !is_exempt && tally_is_full(players->origins, address, limit, network))
        return GATE_PLAYERS;
    return GATE_OPEN;
}
