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

#include "world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SPEECH 60000u

static uint8_t player_text[SPEECH];
static uint8_t game_text[SPEECH];

static void make_texts(void)
{
    for (unsigned i = 0; i < SPEECH; i++) {
        player_text[i] = (uint8_t)(i * 31 + i / 251);
        game_text[i] = (uint8_t)(i * 17 + i / 241 + 5);
    }
}

static const char *point_name(enum point point)
{
    static const char *const names[] = {
#define X(name, meaning) #name,
#include "vault/points.def"
#undef X
    };
    return names[point];
}

// A whole life: come, speak small and large, rekey, hear, close.
static void live(struct world *world)
{
    world_player_says(world, player_text, 1);
    world_work(world);
    world_game_accepts(world);
    world_work(world);
    world_game_hears(world, player_text, 1, false);

    world_game_says(world, game_text, 5);
    world_player_says(world, player_text + 1, 300);
    world_player_rekeys(world, true);
    world_player_says(world, player_text + 301, 0);
    world_player_says(world, player_text + 301, 99);
    world_work(world);
    world_game_hears(world, player_text + 1, 399, false);
    world_player_hears(world, game_text, 5, false);

    // Large records, so that one straddles the end of a chunk and moves.
    world_player_says(world, player_text + 400, 12000);
    world_player_says(world, player_text + 12400, 16000);
    world_player_rekeys(world, false);
    world_player_says(world, player_text + 28400, SPEECH - 28400);
    world_game_says(world, game_text + 5, SPEECH - 6);
    world_work(world);
    world_game_hears(world, player_text + 400, SPEECH - 400, false);
    world_player_hears(world, game_text + 5, SPEECH - 6, false);

    world_player_closes(world);
    world_work(world);
    world_game_hears(world, NULL, 0, true);
    world_game_says(world, game_text + SPEECH - 1, 1);
    close(world->game);
    world->game = -1;
    world->vault.head->guard_fds[7] = -1;
    world_work(world);
    world_player_hears(world, game_text + SPEECH - 1, 1, true);
    if (world->kind == WORLD_TLS13)
        assert_true(world->n_received_updates >= 1);
}

// How often each point was reached in a life in which nothing was killed.
static void die_everywhere(enum world_kind kind)
{
    struct trap *trap =
        mmap(NULL, sizeof *trap, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    unsigned n_lives = 0;
    unsigned n_points = 0;
    assert_ptr_not_equal(trap, MAP_FAILED);
    for (int point = 0; point < POINT_COUNT; point++) {
        unsigned nth = 0;
        do {
            struct world world;
            // All of the first reaches, then every third: later ones repeat earlier ones.
            nth += nth < 9 ? 1 : 3;
            *trap = (struct trap){.point = (enum point)point, .nth = nth};
            world_make(&world, kind, trap);
            live(&world);
            world_free(&world);
            n_lives++;
        } while (trap->has_fired);
        n_points += nth > 1;
        if (nth == 1)
            print_message("not reached in this kind of life: %s\n", point_name((enum point)point));
    }
    print_message("%u lives, %u of %d points reached\n", n_lives, n_points, POINT_COUNT);
    // A plain player has no records, and only TLS 1.3 has keys to write.
    const unsigned unreached[] = {[WORLD_TLS13] = 0, [WORLD_TLS12] = 1, [WORLD_PLAIN] = 4};
    assert_int_equal(n_points, POINT_COUNT - unreached[kind]);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tls13_player_survives_a_crash_at_every_point),
        cmocka_unit_test(a_tls12_player_survives_a_crash_at_every_point),
        cmocka_unit_test(a_plain_player_survives_a_crash_at_every_point),
    };
    make_texts();
    if (!record_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
