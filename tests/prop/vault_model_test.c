// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Whatever workers do with a vault, and wherever they die, at a crash point or between any two
// instructions: the operation that was cut has happened or has not, every stream's bytes arrive
// once, and nothing is lost or owned twice.
//
// Errors: a failed assertion fails the test; the seed is printed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prop.h"
#include "vault_world.h"

#define WORLDS 40
#define TURNS 40

// Those that a worker of these tests passes: it seals nothing, and has nothing to say of its own.
static const enum point points[] = {
    POINT_RECEIPT_UNSET, POINT_RECEIPT_FILLED, POINT_RECEIPT_OPENED, POINT_RECEIPT_CALLED,
    POINT_FLOW_WRITTEN,  POINT_FLOW_FLIPPED,   POINT_TEXT_FOLLOWED,  POINT_KEY_WRITTEN,
    POINT_BUFFER_COPIED, POINT_CHUNK_RESERVED, POINT_CHUNK_TRIMMED,  POINT_SLOT_RESERVED,
    POINT_SLOT_FILLED,   POINT_SLOT_CLAIMED,   POINT_SLOT_FREED,     POINT_LINK_READY,
    POINT_LINK_CLAIMED,  POINT_CELL_RESERVED,  POINT_RESUME_WRITTEN, POINT_RESUME_LEFT,
    POINT_LINK_DROPPED,  POINT_END_PASSED,
};
#define N_POINTS (sizeof points / sizeof *points)

// ... and those that it passes in a young vault above all.
static const enum point young[] = {POINT_SLOT_RESERVED, POINT_CHUNK_RESERVED, POINT_CELL_RESERVED};
#define N_YOUNG (sizeof young / sizeof *young)

static void the_vault_is_as_before_or_as_after(void **state)
{
    static const enum world_end ends[] = {WORLD_LIVES, WORLD_AT_POINT, WORLD_AT_POINT,
                                          WORLD_ANYWHERE};
    struct dice *dice = *state;
    struct world_counts counts = {0};
    unsigned n_turns = 0;
    for (unsigned i = 0; i < WORLDS; i++) {
        struct world world;
        world_make(&world, dice_next(dice), &counts);
        world_turn(&world, WORLD_AT_POINT, young[i % N_YOUNG]);
        for (int turn = 0; turn < TURNS; turn++)
            world_turn(&world, ends[turn % 4], points[n_turns++ % N_POINTS]);
        world_free(&world);
    }
    unsigned n_ops = 0;
    unsigned n_deaths = 0;
    unsigned n_points = 0;
    for (int i = 0; i < OP_KINDS; i++)
        n_ops += counts.n_ops[i];
    for (unsigned i = 0; i < N_POINTS; i++) {
        n_deaths += counts.n_deaths[points[i]];
        n_points += counts.n_deaths[points[i]] > 0;
    }
    print_message(
        "%u operations; %u deaths at %u points, %u elsewhere; %u operations cut before they "
        "had happened, %u after; %u receipts settled; %llu bytes heard\n",
        n_ops, n_deaths, n_points, counts.n_killed, counts.n_before, counts.n_after,
        counts.n_settled, (unsigned long long)counts.n_heard);
    // A run that does nothing must not pass. Each point is come by some five times and more.
    for (int i = 0; i < OP_KINDS; i++)
        assert_true(counts.n_ops[i] > 0);
    assert_true(n_points >= N_POINTS - 3);
    assert_true(counts.n_killed > 0 && counts.n_before > 0 && counts.n_after > 0);
    assert_true(counts.n_settled > 0 && counts.n_heard > 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vault_is_as_before_or_as_after),
    };
    return cmocka_run_group_tests(tests, prop_set_up, prop_tear_down);
}
