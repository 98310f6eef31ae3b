// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player in the storm's game, as long as one process of the game has it: its verified streams,
// in bursts with pauses. What must outlive the process stands in the ledger, and is true at any
// instruction.
//
// Errors: what a player's stream suffered is written into the ledger.
#ifndef STAYD_STORM_SEAT_H
#define STAYD_STORM_SEAT_H

#include "ledger.h"
#include "stay.h"

struct seat {
    struct ledger_link *link;
    struct stay_player player; // fd -1: gone
    struct dice dice;
    uint64_t acknowledged;
    uint64_t read_at_ms; // nothing is read before this moment; 0: reading
    uint64_t send_at_ms;
    uint64_t burst_left; // bytes still to be sent before the next pause
    bool is_full;        // the last send found no room
};

// The game has seen something that must not be.
void seat_damage(struct ledger *ledger, const struct ledger_link *link, const char *what);

// Take a player who has come, or come back. False: it is wrong, and its descriptor closed. `older`
// is the seat that has the same id already, or NULL; it is closed. `deaths`: how many processes of
// the game had died when this one began.
bool seat_take(struct seat *seat, struct ledger *ledger, const struct stay_player *player,
               struct seat *older, uint64_t deaths);

// Poll for what? Lowers *next_ms to the moment at which a turn is due anyway.
short seat_wants(const struct seat *seat, const struct ledger *ledger, uint64_t now_ms,
                 uint64_t *next_ms);

// Do what can be done now.
void seat_serve(struct seat *seat, struct ledger *ledger, short revents, uint64_t now_ms);

void seat_close(struct seat *seat, struct ledger *ledger, const char *reason);

#endif
