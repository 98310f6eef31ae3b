// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the game has said about its players and no line has been made of yet: for each connection id
// the newest state, the newest acknowledgement, or both. Found by id in constant time.
//
// A state always goes before the acknowledgement of its player. The other way round, a crash
// between the two would leave input that was acknowledged and a state that does not know of it;
// this way it leaves input that comes a second time, which a game can pass over.
//
// Errors: false with errno; then nothing has changed.
#ifndef STAY_WISHES_H
#define STAY_WISHES_H

#include "stay.h"

struct stay_wish {
    struct stay_wish *next_in_bucket;
    struct stay_wish *next; // in one of the two lists
    struct stay_wish *previous;
    uint8_t id[STAY_ID_BYTES];
    uint8_t *state;
    size_t n_state;
    uint64_t n_input;
    bool has_state;
    bool has_ack;
};

struct stay_wish_list {
    struct stay_wish *first;
    struct stay_wish *last;
};

struct stay_wishes {
    struct stay_wish_list states; // with a state, and perhaps an acknowledgement; the oldest first
    struct stay_wish_list acks;   // with an acknowledgement only
    struct stay_wish **buckets;
    size_t n_buckets; // a power of two, or 0
    size_t n;
    size_t n_bytes; // of memory, about
};

// Copies the state.
bool stay_wishes_leave(struct stay_wishes *wishes, const uint8_t id[STAY_ID_BYTES],
                       const void *state, size_t n_state);

// EINVAL: it goes back.
bool stay_wishes_acknowledge(struct stay_wishes *wishes, const uint8_t id[STAY_ID_BYTES],
                             uint64_t n_input);

// The player is no more.
void stay_wishes_forget(struct stay_wishes *wishes, const uint8_t id[STAY_ID_BYTES]);

// A line was made of the wish's state, or of its acknowledgement. The wish is gone when it had
// nothing else.
void stay_wishes_take_state(struct stay_wishes *wishes, struct stay_wish *wish);
void stay_wishes_take_ack(struct stay_wishes *wishes, struct stay_wish *wish);

void stay_wishes_free(struct stay_wishes *wishes);

#endif
