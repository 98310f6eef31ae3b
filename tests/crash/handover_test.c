// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Two workers, one after the other, die at any two of all points that they reach while players are on
// their way from an entry to a slot (handover_world.h).
//
// Errors: cmocka assertions; where the workers died is said first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handover_world.h"

#include <string.h>

// ---- Deaths ----

static const char *point_name(enum point point)
{
    static const char *const names[] = {
#define X(name, meaning) #name,
#include "vault/points.def"
#undef X
    };
    return names[point];
}

static bool is_living; // a life that fails does not come to its end

static int say_deaths(void **state)
{
    (void)state;
    for (unsigned i = 0; is_living && i < handover_trap->n_deaths; i++)
        print_message("a worker had died at %s\n", point_name(handover_trap->at[i]));
    is_living = false;
    return 0;
}

// Returns how many workers died.
static unsigned die(void (*run)(const struct handover_life *life), const struct handover_life *life,
                    unsigned first, unsigned second, bool was_reached[POINT_COUNT])
{
    *handover_trap = (struct handover_trap){.death = {first, second}};
    is_living = true;
    run(life);
    is_living = false;
    for (unsigned i = 0; i < handover_trap->n_deaths; i++)
        was_reached[handover_trap->at[i]] = true;
    return handover_trap->n_deaths;
}

// At each point, and at all pairs of points that a worker and the next one can die at.
static void die_everywhere(void (*run)(const struct handover_life *life),
                           const struct handover_life *life)
{
    bool was_reached[POINT_COUNT] = {false};
    unsigned n_lives = 0;
    for (unsigned first = 1; die(run, life, first, 0, was_reached) == 1; first++)
        for (unsigned second = 1; die(run, life, first, second, was_reached) == 2; second++)
            n_lives++;
    print_message("%u lives with two deaths\n", n_lives);
    assert_true(was_reached[POINT_HANDOVER_PEEKED] && was_reached[POINT_HANDOVER_TAKEN]);
    assert_true(was_reached[POINT_SLOT_FILLED] == was_reached[POINT_SLOT_CLAIMED]);
    assert_true(was_reached[POINT_SLOT_CLAIMED]);
}

static void plain_players_are_in_once_wherever_two_workers_die(void **state)
{
    (void)state;
    die_everywhere(handover_live, &(struct handover_life){.is_entry_doomed = false});
}

static void tls13_players_are_in_once_wherever_two_workers_die(void **state)
{
    (void)state;
    die_everywhere(handover_live, &(struct handover_life){.is_tls = true, .is_entry_doomed = true});
}

static void without_a_seat_plain_players_are_told_once_wherever_two_workers_die(void **state)
{
    (void)state;
    die_everywhere(handover_live,
                   &(struct handover_life){.is_full = true, .is_entry_doomed = true});
}

static void without_a_seat_tls13_players_are_told_once_wherever_two_workers_die(void **state)
{
    (void)state;
    die_everywhere(handover_live, &(struct handover_life){.is_tls = true, .is_full = true});
}

static void only_the_message_that_crashes_were_over_is_thrown_away(void **state)
{
    (void)state;
    die_everywhere(handover_live_after_crashes, &(struct handover_life){.is_tls = true});
}

// Without arguments all of them; with one, those whose names begin with it.
int main(int argc, char **argv)
{
#define TEST(name) cmocka_unit_test_teardown(name, say_deaths)
    static const struct CMUnitTest all[] = {
        TEST(plain_players_are_in_once_wherever_two_workers_die),
        TEST(tls13_players_are_in_once_wherever_two_workers_die),
        TEST(without_a_seat_plain_players_are_told_once_wherever_two_workers_die),
        TEST(without_a_seat_tls13_players_are_told_once_wherever_two_workers_die),
        TEST(only_the_message_that_crashes_were_over_is_thrown_away),
    };
    struct CMUnitTest tests[sizeof all / sizeof *all];
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (argc < 2 || strncmp(all[i].name, argv[1], strlen(argv[1])) == 0)
            tests[n++] = all[i];
    if (n == 0 || !handover_init())
        return 1;
    return _cmocka_run_group_tests("handover", tests, n, NULL, NULL);
}
