// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A vault, the players and games around it, and the guard's part: workers are made and killed, the
// sweep closes what nobody claims; and after each death the vault is compared with the model.
//
// Errors: cmocka failures.
#ifndef STAYD_VAULT_WORLD_H
#define STAYD_VAULT_WORLD_H

#include "vault_worker.h"

enum world_end {
    WORLD_LIVES,    // the worker does what it is to do
    WORLD_AT_POINT, // it dies at a crash point
    WORLD_ANYWHERE, // it is killed between any two instructions of an operation
};

// What has happened, so that a run that does nothing does not pass.
struct world_counts {
    unsigned n_ops[OP_KINDS];
    unsigned n_deaths[POINT_COUNT];
    unsigned n_killed;  // between two instructions
    unsigned n_before;  // an operation was cut, and had not happened
    unsigned n_after;   // it had
    unsigned n_settled; // receipts, after a death
    uint64_t n_heard;   // bytes, by players and games
};

struct world {
    struct vault vault;
    struct model model;
    struct dice dice;
    struct life *life;
    struct world_counts *counts;
    uint64_t say_max;      // the most that somebody says before a worker's life
    const uint8_t *script; // of the next worker; NULL: any operations
    unsigned n_script;
    bool is_explored; // all deaths are planned elsewhere
};

void world_make(struct world *world, uint64_t seed, struct world_counts *counts);
void world_free(struct world *world);

// Players and games speak, a worker lives, and ends so; what it has left is as it must be.
// `point`: for WORLD_AT_POINT.
void world_turn(struct world *world, enum world_end end, enum point point);

#endif
