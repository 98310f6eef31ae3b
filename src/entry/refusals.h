// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Who was refused lately, and how often: for the log, which is to say it once and then count, and
// for `stayctl status`. The last 64 are kept; of those that are pushed out only the number is. A
// minute has 10 new names in the log at most, so that who has many networks cannot fill it.
//
// No socket, no clock, no allocation.
//
// Errors: none.
#ifndef STAYD_ENTRY_REFUSALS_H
#define STAYD_ENTRY_REFUSALS_H

#include "base/network.h"

#include <stddef.h>

#define REFUSALS_KEPT 64u
#define REFUSALS_NAMES 10u       // in a minute
#define REFUSALS_EVERY_MS 60000u // counts are said
#define REFUSALS_OVER_MS 600000u // it is forgotten after so long without another

struct refusal {
    struct network network; // of no bits: everybody's
    unsigned why;           // as the caller counts
    uint64_t n;
    uint64_t n_unsaid;
    uint64_t since_ms;
    uint64_t last_ms;
    uint64_t said_ms;
};

// All zeros: none.
struct refusals {
    struct refusal refusal[REFUSALS_KEPT];
    unsigned n;
    uint64_t n_others_unsaid; // of those that were pushed out
    uint64_t others_said_ms;
    uint64_t names_since_ms; // the present minute
    unsigned n_names;        // in it
};

// The i-th one, or NULL; and how many there are.
const struct refusal *refusals_at(const struct refusals *refusals, unsigned i);
unsigned refusals_count(const struct refusals *refusals);

// Note one. True: it is to be said now.
bool refusals_note(struct refusals *refusals, const struct network *network, unsigned why,
                   uint64_t now_ms);

// One whose count is to be said, in `refusal`; asked until it is false. Forgets what is over.
bool refusals_next_due(struct refusals *refusals, struct refusal *refusal, uint64_t now_ms);

// How many of others are to be said now; 0: none.
uint64_t refusals_take_others(struct refusals *refusals, uint64_t now_ms);

#endif
