// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player who comes: what is known of a connection when it is let in, as plain data. The door
// (entry/) makes it and knows no slot; who serves makes a slot of it, and looks first whether it is
// whole, because the door reads what strangers send.
//
// Errors: words.
#ifndef STAYD_VAULT_ARRIVAL_H
#define STAYD_VAULT_ARRIVAL_H

#include "vault/layout.h"

struct arrival {
    uint8_t address[16];       // player's, IPv4 as ::ffff:a.b.c.d
    uint64_t seq[2];           // of the next record, by enum flow_dir
    struct record_key keys[2]; // by enum flow_dir
    uint16_t port;             // player's
    uint16_t listener;         // index into the configuration's listeners
    uint16_t tls_version;      // as in a slot, and so are the following; 0: plain
    uint16_t suite;
    uint16_t write_limit;
    uint8_t cipher;
    uint8_t facts_bytes;
    uint8_t facts[SLOT_FACTS_BYTES]; // vault/facts.h
};

// What becomes of it. Only if it was taken, its descriptor is the taker's.
enum arrival_end {
    ARRIVAL_TAKEN,   // ... perhaps only to be told that there is no seat
    ARRIVAL_REFUSED, // it is not whole, or asks for what it may not; that is logged
    ARRIVAL_FULL,    // there is no slot, not even for a farewell
    ARRIVAL_SHORT,   // of something (errno); it can be tried again
};

// Why no slot may be made of it, or NULL.
const char *arrival_doubt(const struct arrival *arrival);

// Put it into a slot that is prepared and not claimed (vault/slot.h).
void arrival_fill(struct slot *slot, const struct arrival *arrival);

#endif
