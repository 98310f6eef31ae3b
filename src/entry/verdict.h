// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Why somebody is not let in, and how often: a verdict has an option's name and words for the log,
// and is noted in a list of refusals (refusals.h), from which it is said. Who judges has a list of
// its own: the gate (gate.h), and who gives the seats (players/seats.h).
//
// Errors: none.
#ifndef STAYD_ENTRY_VERDICT_H
#define STAYD_ENTRY_VERDICT_H

#include "base/network.h"
#include "entry/refusals.h"

enum gate_verdict {
    GATE_OPEN,
    GATE_DENIED,     // by `allow` or `deny`
    GATE_RATE,       // connections-per-second
    GATE_HANDSHAKES, // max-handshakes-per-address
    GATE_PLAYERS,    // max-players-per-address
    GATE_FULL,       // max-players
    GATE_GAVE_WAY,   // its handshake hung, and others had to be let in
    GATE_UNNAMED,    // proxy: its listener is for others, who name players
    GATE_HEADER,     // proxy: it has sent a PROXY header, and may not
    GATE_N_VERDICTS
};

// The name of the option that sets this limit.
const char *verdict_limit_name(enum gate_verdict why);

// This network, or an address of it, was not let in, or had to go: log it, or count it.
void verdict_note(struct refusals *refusals, const struct network *network, enum gate_verdict why,
                  uint64_t now_ms);
void verdict_note_address(struct refusals *refusals, const uint8_t address[16],
                          enum gate_verdict why, uint64_t now_ms);

// Now and then: counts into the log.
void verdict_tick(struct refusals *refusals, uint64_t now_ms);

#endif
