// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What makes a crash harmless: for each connection, in the same file and the same transaction as
// the world,
//
//   - up to where its input was acted on (n_input). What comes before is not done again;
//   - the output that is not yet known to have been taken by stayd (the outbox). What stayd has
//     not taken when the game dies, the next process sends.
//
// A line's effect, what everybody sees of it, and the mark behind it are thus committed
// together, or none of them is. Offsets count a connection's bytes from its beginning, over all of
// the game's processes.
//
// Errors: db.h's.
#ifndef MINIMUSH_LEDGER_H
#define MINIMUSH_LEDGER_H

#include "db.h"

#define LEDGER_ID_BYTES 16u
#define LEDGER_PAGED_BYTES 256u

enum ledger_phase { // in the file
    LEDGER_HERE,
    LEDGER_LEAVING, // it has taken its leave: nothing but its last output is owed to it
    LEDGER_CUT_OFF, // its connection has ended, and the others have seen it go
    LEDGER_AWAITED, // it has not come back yet; that the game is back is in its outbox
};

struct ledger_entry {
    int64_t player; // 0: at the connect screen
    enum ledger_phase phase;
    uint64_t n_input;
    unsigned marks;    // line.h: what must be known to go on there
    uint64_t n_output; // where the next output begins
    int64_t connected_at;
    int64_t spoke_at;
    bool is_telnet; // it has answered in telnet
    unsigned charset;
    char paged[LEDGER_PAGED_BYTES]; // whom it has last paged
};

// False: not known.
bool ledger_find(struct db *db, const uint8_t *id, struct ledger_entry *entry);

// Give each to `take`, the oldest first. It may read the ledger, and not write it.
void ledger_each(struct db *db,
                 void (*take)(void *arg, const uint8_t *id, const struct ledger_entry *entry),
                 void *arg);

void ledger_put(struct db *db, const uint8_t *id, const struct ledger_entry *entry);

// Output that begins at an offset.
void ledger_add_output(struct db *db, const uint8_t *id, uint64_t at, const void *bytes, size_t n);

// Everything that ends before or at an offset was taken.
void ledger_drop_output(struct db *db, const uint8_t *id, uint64_t taken);

// Give what is stored from an offset on to `take`, in order, in pieces. Returns the number of
// pieces stored, given or not.
size_t ledger_each_output(struct db *db, const uint8_t *id, uint64_t from,
                          void (*take)(void *arg, const void *bytes, size_t n), void *arg);

// Forget the connection, and what is owed to it.
void ledger_forget(struct db *db, const uint8_t *id);

// Forget those that are not here; with only_leaving, only those of them that had taken their leave.
void ledger_sweep(struct db *db, bool only_leaving, bool (*is_here)(void *arg, const uint8_t *id),
                  void *arg);

#endif
