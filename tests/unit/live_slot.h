// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A vault with one live plain slot, for tests.
//
// Errors: cmocka assertions.
#ifndef STAYD_TESTS_LIVE_SLOT_H
#define STAYD_TESTS_LIVE_SLOT_H

#include "vault/chunk.h"
#include "vault/slot.h"

struct fixture {
    struct vault vault;
    struct slot_pool slots;
    struct chunk_pool chunks;
    struct slot *slot; // live, plain
    int peer;          // the other end of its player_fd
};

int live_slot_set_up(void **state);
int live_slot_tear_down(void **state);

#endif
