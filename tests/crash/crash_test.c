// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Every crash point of vault/points.def, every time it is reached in a player's
// life: the worker dies there, another takes up the vault, and in the end game and
// player have heard exactly what the other said, as if nothing had happened.
//
// Errors: cmocka assertions; the point and the count are printed first.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static const char *point_name(enum point point)
{
    static const char *const names[] = {
#define X(name, meaning) #name,
#include "vault/points.def"
#undef X
    };
    return names[point];
}

// Is this a point of what comes before such a life? handover_test.c has the worker die there.
static bool is_before(int point)
{
    return point == POINT_HANDOVER_PEEKED || point == POINT_HANDOVER_TAKEN;
}

// At each point of such a life, as often as it is reached.
static void die_everywhere(enum world_kind kind)
{
    struct trap *trap =
        mmap(NULL, sizeof *trap, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned n_lives = 0;
    unsigned n_all = 0;
    unsigned n_points = 0;
    assert_ptr_not_equal(trap, MAP_FAILED);
    for (int point = 0; point < POINT_COUNT; point++) {
        unsigned nth = 0;
        if (is_before(point))
            continue;
        n_all++;
        do {
            struct world world;
            // All of the first reaches, then every third: later ones repeat earlier ones.
            nth += nth < 9 ? 1 : 3;
            *trap = (struct trap){.point = (enum point)point, .nth = nth};
            world_make(&world, kind, trap);
            life_live(&world, &life_long);
            world_free(&world);
            n_lives++;
        } while (trap->has_fired);
        n_points += nth > 1;
        if (nth == 1)
            print_message("not reached in this kind of life: %s\n", point_name((enum point)point));
    }
    print_message("%u lives, %u of %d points reached\n", n_lives, n_points, n_all);
    // A plain player has no records, without telnet there is no NEW-ENVIRON, only TLS 1.3 has keys
    // to write, and only a game that resumes leaves a state.
    const unsigned unreached[WORLD_N_KINDS] = {
        [WORLD_TLS13] = 1, [WORLD_TLS12] = 5, [WORLD_PLAIN] = 5, [WORLD_PLAIN_TELNET] = 3};
    assert_int_equal(n_points, n_all - unreached[kind]);
    munmap(trap, sizeof *trap);
}

static void a_tls13_player_survives_a_crash_at_every_point(void **state)
{
    (void)state;
    die_everywhere(WORLD_TLS13);
}

static void a_tls12_player_survives_a_crash_at_every_point(void **state)
{
    (void)state;
    die_everywhere(WORLD_TLS12);
}

static void a_plain_player_survives_a_crash_at_every_point(void **state)
{
    (void)state;
    die_everywhere(WORLD_PLAIN);
}

static void a_plain_telnet_player_survives_a_crash_at_every_point(void **state)
{
    (void)state;
    die_everywhere(WORLD_PLAIN_TELNET);
}

// What is typed once the link is being given up is for the next game, although a child of the dead
// one would take it.
static void a_dead_games_child_hears_nothing_wherever_the_worker_dies(void **state)
{
    struct trap *trap =
        mmap(NULL, sizeof *trap, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned n_said = 0;
    (void)state;
    assert_ptr_not_equal(trap, MAP_FAILED);
    for (int point = 0; point < POINT_COUNT; point++) {
        unsigned nth = 0;
        do {
            struct world world;
            nth++;
            *trap = (struct trap){.has_fired = true};
            world_make(&world, WORLD_PLAIN_TELNET, trap);
            world_work(&world);
            world_game_accepts(&world);
            life_player_types(&world, "one\r\n");
            world_game_hears(&world, (const uint8_t *)"one\r\n", 5, false);
            *trap = (struct trap){.point = (enum point)point, .nth = nth};
            world.words = "two\r\n";
            world_game_leaves_child(&world);
            world_work(&world);
            world_child_heard_nothing(&world);
            bool is_said = !world.words;
            n_said += is_said;
            world.is_dead = false;
            world_work(&world);
            world_game_accepts(&world);
            world_work(&world);
            world_game_hears(&world, (const uint8_t *)"two\r\n", is_said ? 5 : 0, false);
            world_free(&world);
        } while (trap->has_fired);
    }
    assert_true(n_said > 0);
    munmap(trap, sizeof *trap);
}

// Without arguments all of them; with one, those whose names begin with it (for running them side
// by side).
int main(int argc, char **argv)
{
    static const struct CMUnitTest all[] = {
        cmocka_unit_test(a_tls13_player_survives_a_crash_at_every_point),
        cmocka_unit_test(a_tls12_player_survives_a_crash_at_every_point),
        cmocka_unit_test(a_plain_player_survives_a_crash_at_every_point),
        cmocka_unit_test(a_plain_telnet_player_survives_a_crash_at_every_point),
        cmocka_unit_test(a_dead_games_child_hears_nothing_wherever_the_worker_dies),
    };
    struct CMUnitTest tests[sizeof all / sizeof *all];
    size_t n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (argc < 2 || strncmp(all[i].name, argv[1], strlen(argv[1])) == 0)
            tests[n++] = all[i];
    life_init();
    if (n == 0 || !record_init())
        return 1;
    return _cmocka_run_group_tests("crash", tests, n, NULL, NULL);
}
