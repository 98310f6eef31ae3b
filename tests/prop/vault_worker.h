// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A worker that does nothing but take up the vault and perform operations of vault_model.h, each
// noted before it begins and when it has ended, until it has done enough or is killed.
//
// Errors: what must not be is said, and ends the worker with WORKER_FAILED.
#ifndef STAYD_VAULT_WORKER_H
#define STAYD_VAULT_WORKER_H

#include "vault_model.h"

#include "vault/chunk.h"
#include "vault/point.h"
#include "vault/resume.h"

#define WORKER_OPS 32u
#define WORKER_START ((int)OP_KINDS)
#define WORKER_NOWHERE (-1)
#define WORKER_FAILED 9

// A worker's life: what is wanted of it, and what it has done. In shared memory.
struct life {
    uint64_t seed;
    unsigned n_ops;
    bool is_traced;             // it stops where it would die
    int point;                  // where it dies, or WORKER_NOWHERE
    unsigned nth;               // ... when it has come there so often; 0: it has
    uint8_t script[WORKER_OPS]; // kinds of operations, one after the other; OP_KINDS: any
    int stop_at; // the kind of operation before whose first it stops; WORKER_START: before it
                 // takes up the vault; or WORKER_NOWHERE
    _Atomic unsigned n_begun;
    _Atomic unsigned n_done;
    struct op op[WORKER_OPS];
};

// What a worker has in its heap.
struct hands {
    struct vault *vault;
    struct slot_pool slots;
    struct chunk_pool chunks;
    struct cell_pool cells;
};

// Settle, verify, free lists. NULL: the vault is taken up. Else what is wrong.
const char *hands_take_up(struct hands *hands, struct vault *vault);
void hands_free(struct hands *hands);

// Those that need nothing but the head: OP_GAME to OP_PHASE. Returns the result.
int64_t worker_note(struct vault_head *head, const struct op *op, const union model_bytes *bytes);

// In a process of its own. The model is its own copy.
_Noreturn void worker_live(struct vault *vault, struct model *model, struct life *life);

#endif
