// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Seats and farewells (seats.h). Errors: none.
#include "players/seats.h"

#include "entry/farewell.h"
#include "entry/tally.h"
#include "players/conn.h"
#include "players/players.h"
#include "vault/flow.h"
#include "vault/slot.h"

// Slots that can be neither, because they are quarantined, are missing among the seats.
static bool has_seat(const struct players *players)
{
    return players->slots.n_free + players->n_farewells > VAULT_FAREWELLS;
}

struct seats_verdict seats_judge(const struct players *players, const uint8_t address[16])
{
    const struct conf *conf = &players->heritage->conf;
    struct seats_verdict it = {.verdict = GATE_OPEN};
    if (!has_seat(players))
        it.verdict = GATE_FULL;
    else if (conf->max_players_per_address > 0 && !networks_have(&conf->exempt.networks, address) &&
             tally_is_full(players->origins, address, conf->max_players_per_address, &it.network))
        it.verdict = GATE_PLAYERS;
    return it;
}

bool seats_have_farewell(const struct players *players)
{
    return players->n_farewells < VAULT_FAREWELLS && players->slots.n_free > 0;
}

void seats_mark(struct slot *slot, enum gate_verdict why)
{
    slot->ended_by = why == GATE_FULL ? SLOT_END_FULL : SLOT_END_ADDRESS;
}

void seats_say_farewell(struct conn *conn)
{
    const struct slot *slot = conn_slot(conn);
    const enum gate_verdict why = slot->ended_by == SLOT_END_FULL ? GATE_FULL : GATE_PLAYERS;
    const struct relay_words words = {.text = farewell_words(why), .are_last = true};
    struct relay relay = conn_relay(conn);
    if (!slot_is_farewell(slot) || relay_is_ended(slot))
        return;
    // Words and end are one commit: who comes after it does not say them again. Without memory for
    // them it ends without.
    if (!flow_is_ending(flow_now(&slot->flow[TO_PLAYER])))
        relay_say(&relay, &words);
    relay_end(&relay);
}
