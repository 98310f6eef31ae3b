// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players by network (origins.h). Errors: NULL without memory or random bytes.
#include "players/origins.h"

#include "base/random.h"
#include "players/players.h"

struct tally *origins_make(uint32_t n_seats)
{
    struct tally_key key;
    return random_fill(&key, sizeof key) ? tally_make(TALLY_LEVELS * n_seats, &key) : NULL;
}

void origins_add(const struct players *players, const struct slot *slot)
{
    tally_add(players->origins, slot->address);
}

void origins_drop(const struct players *players, const struct slot *slot)
{
    tally_drop(players->origins, slot->address);
}
