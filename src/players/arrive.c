// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Letting a player in (arrive.h). Errors: enum arrival_end.
#include "players/arrive.h"

#include "base/address.h"
#include "base/log.h"
#include "players/choose.h"
#include "players/players.h"
#include "players/serve.h"
#include "vault/slot.h"

#include <errno.h>

static void say_doubt(const struct arrival *arrival, const char *doubt)
{
    char address[ADDRESS_TEXT_BYTES];
    log_event(LOG_REFUSED, "address=%s why=\"the door has let in what is not whole: %s\"",
              address_print(address, arrival->address), doubt);
}

enum arrival_end arrive_take(struct players *players, const struct arrival *arrival, int fd)
{
    const char *doubt = arrival_doubt(arrival);
    if (doubt) {
        say_doubt(arrival, doubt);
        return ARRIVAL_REFUSED;
    }
    struct slot *slot = slot_prepare(&players->slots);
    if (!slot)
        return errno == ENOBUFS ? ARRIVAL_FULL : ARRIVAL_SHORT;
    arrival_fill(slot, arrival);
    choose_game(slot, &players->heritage->conf);
    slot_claim(slot, fd);
    serve_new(players, slot);
    return ARRIVAL_TAKEN;
}

bool arrive_has_room(struct players *players)
{
    return slot_pool_has_room(&players->slots);
}
