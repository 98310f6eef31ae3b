// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who has a seat. A newcomer is judged when it is to have a slot: by max-players and, unless it is
// exempt, by max-players-per-address. Who has none gets a slot all the same, one of VAULT_FAREWELLS
// that are beyond max-players, marked before it is claimed (slot_is_farewell); there it is told why,
// over TLS if it speaks that, and closed.
//
// Such a slot lives like any other: whoever serves it first says the words and ends it in one commit
// (I2), so they are said once, whatever is killed. After SEATS_FAREWELL_MS it goes at any rate.
//
// Errors: none.
#ifndef STAYD_PLAYERS_SEATS_H
#define STAYD_PLAYERS_SEATS_H

#include "entry/verdict.h"

#include <stdbool.h>

#define SEATS_FAREWELL_MS 5000u // from the claim on

struct conn;
struct players;
struct slot;

// May another player have a seat? GATE_OPEN, GATE_FULL, or GATE_PLAYERS.
struct seats_verdict {
    enum gate_verdict verdict;
    struct network network; // that has as many as it may; of no bits: it is a limit for all
};
struct seats_verdict seats_judge(const struct players *players, const uint8_t address[16]);

// Is there a slot for another farewell?
bool seats_have_farewell(const struct players *players);

// Who is to have this slot, which is prepared and not claimed, has no seat: mark it.
void seats_mark(struct slot *slot, enum gate_verdict why);

// If this is a farewell and its end has not begun: say why, and begin it.
void seats_say_farewell(struct conn *conn);

#endif
