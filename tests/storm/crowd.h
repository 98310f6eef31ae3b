// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// All players in one poll loop: those who stay, and places for visitors.
// Errors: given to the verdict.
#ifndef STAYD_STORM_CROWD_H
#define STAYD_STORM_CROWD_H

#include "player.h"

struct crowd {
    struct player_world world;
    struct player *players; // those who stay, then the visitors' places
    struct pollfd *polled;
    unsigned n_staying;
    unsigned n_places;
    bool takes_visitors;
    uint64_t next_number;
    uint64_t next_visit_us;
    uint64_t visits; // from the first byte to close_notify, all verified
    struct dice dice;
};

// options, ledger and ports stay the caller's. False: no memory.
bool crowd_init(struct crowd *crowd, const struct options *options, struct ledger *ledger,
                const struct ports *ports);

// Connect all who stay.
void crowd_start(struct crowd *crowd);

// Wait for something to do, 5 ms at most, and do it.
void crowd_turn(struct crowd *crowd);

bool crowd_all_playing(const struct crowd *crowd); // each who stays has got bytes of the game
bool crowd_all_quiet(const struct crowd *crowd);   // no visitors, both ends agree on all totals
bool crowd_all_done(const struct crowd *crowd);    // close_notify came to all

// Print who is not as the others: for reports.
void crowd_print_behind(const struct crowd *crowd);

void crowd_free(struct crowd *crowd);

#endif
