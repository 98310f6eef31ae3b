// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Each operation that a worker, or a guard, performs on the vault, for every state in which a death
// can leave it (explore.h): as a model in ordinary memory says, it has happened or it has not
// (prop/vault_model.h).
//
// Errors: as explore.h; an operation that cannot be performed in its place is one.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "scripts.h"

#include "prop/vault_world.h"

#define BRIEF 60u // bytes said at a time

// One worker each.
struct part {
    unsigned n;
    uint8_t kind[WORKER_OPS];
};

#define PART(...)                                                                                  \
    {                                                                                              \
        .n = sizeof((uint8_t[]){__VA_ARGS__}), .kind = { __VA_ARGS__ }                             \
    }

// At most four connections a worker (MODEL_STOCK).
static const struct part players_come[] = {
    PART(OP_FILL, OP_FACT, OP_LINK, OP_FILL, OP_FACT, OP_LINK, OP_STATE),
    PART(OP_RECEIVE, OP_RECEIVE, OP_STEP, OP_SEND, OP_RECEIVE, OP_STEP, OP_SEND, OP_REKEY),
    PART(OP_STATE, OP_REKEY, OP_TURN, OP_FREE, OP_FILL, OP_LINK, OP_CHUNKS),
};
static const struct part players_speak[] = {
    PART(OP_FILL, OP_LINK, OP_FILL, OP_LINK),
    PART(OP_RECEIVE, OP_RECEIVE, OP_STEP, OP_SEND, OP_ACKNOWLEDGE),
    PART(OP_RECEIVE, OP_STEP, OP_SEND, OP_ACKNOWLEDGE, OP_MOVE, OP_SEND),
};
static const struct part players_leave[] = {
    PART(OP_FILL, OP_LINK, OP_FILL, OP_LINK, OP_STATE, OP_STATE),
    PART(OP_RECEIVE, OP_RECEIVE, OP_SHUT, OP_UNLINK, OP_STATE, OP_FREE),
    PART(OP_FILL, OP_SHUT, OP_FREE, OP_FREE),
};
static const struct part notes_are_made[] = {
    PART(OP_GAME, OP_GAME, OP_ORDER, OP_ANSWER, OP_SIGNAL, OP_ANSWER, OP_ORDER, OP_ANSWER),
    PART(OP_ASK, OP_BEGIN, OP_PHASE, OP_PHASE),
    PART(OP_ASK, OP_BEGIN, OP_PHASE),
};

static const uint8_t anything[] = {OP_KINDS, OP_KINDS, OP_KINDS, OP_KINDS, OP_KINDS, OP_KINDS};

static void perform(uint64_t seed, const struct part *parts, unsigned n)
{
    struct world_counts counts = {0};
    struct world world;
    world_make(&world, seed, &counts);
    world.is_explored = true;
    world.say_max = BRIEF;
    world.model.is_brief = true;
    film_watch_all(world.life, sizeof *world.life); // what a worker has noted is as old as the rest
    for (unsigned i = 0; i < n; i++) {
        // After a death anything may be done: what was to be before may not have been.
        world.script = counts.n_killed == 0 ? parts[i].kind : anything;
        world.n_script = counts.n_killed == 0 ? parts[i].n : sizeof anything;
        world_turn(&world, WORLD_LIVES, POINT_COUNT);
    }
    world_free(&world);
}

#define SCRIPT(name, seed)                                                                         \
    static void perform_##name(void)                                                               \
    {                                                                                              \
        perform(seed, name, sizeof name / sizeof *name);                                           \
    }
// With seeds by which each operation can be performed when its turn comes.
SCRIPT(players_come, 2)
SCRIPT(players_speak, 52)
SCRIPT(players_leave, 2)
SCRIPT(notes_are_made, 6)

const struct script scripts[] = {
    {"operations-come", perform_players_come},
    {"operations-speak", perform_players_speak},
    {"operations-leave", perform_players_leave},
    {"operations-notes", perform_notes_are_made},
    {NULL, NULL},
};
