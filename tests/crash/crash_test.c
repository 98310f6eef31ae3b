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
        // No IAC; and no ESC for the game, which would begin what a death leaves to be mended.
        player_text[i] = (uint8_t)((i * 31 + i / 251) & 0x7f);
        game_text[i] = (uint8_t)(' ' + (i * 17 + i / 241 + 5) % 90);
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

static void player_types(struct world *world, const char *text)
{
    world_player_says(world, (const uint8_t *)text, strlen(text));
    world_work(world);
}

static void player_reads(struct world *world, const char *text)
{
    world_player_hears(world, (const uint8_t *)text, strlen(text), false);
}

// The game dies in the middle of a line and a colour, when the player has typed half a line.
static void lose_game(struct world *world)
{
    world->is_acking = false;
    player_types(world, "look he");
    world_game_hears(world, (const uint8_t *)"look he", 7, false);
    world_game_says(world, (const uint8_t *)"you see\033[3", 10);
    world_game_dies(world);
    world_work(world);
    player_reads(world, world_is_telnet(world) ? "you see\033[3m\033[0m\r\n" WORLD_AWAY "\r\n"
                                               : "you see\033[3" WORLD_AWAY "\r\n");
    player_types(world, "re\r\nsay hi\r\n");
}

// Another takes its place.
static void find_game(struct world *world, size_t n_said)
{
    const char *wanted = world_acks(world)      ? "look here\r\nsay hi\r\nnorth\r\n"
                         : world_resumes(world) ? "say hi\r\nnorth\r\n"
                                                : "north\r\n";
    world->is_dead = false;
    world_work(world);
    world_game_accepts(world);
    player_types(world, "north\r\n");
    world_game_hears(world, (const uint8_t *)wanted, strlen(wanted), false);
    player_reads(world, WORLD_BACK "\r\n");
    assert_int_equal(world->n_headers_resumed > 0, world_resumes(world));
    if (world_acks(world))
        assert_int_equal(world->resumed_input, SPEECH + n_said);
    world->is_acking = true;
    world_work(world);
}

#define DO_AND_SEND "\xff\xfd\x27\xff\xfa\x27\x01\xff\xf0"
#define DONT "\xff\xfe\x27"
#define WILL "\xff\xfb\x27"
#define WONT "\xff\xfc\x27"
#define SAID WILL "\xff\xfa\x27\0\0IPADDRESS\x01::\xff\xf0" WONT

// The game asks where the player is, and stayd answers. Returns how many bytes it said.
static size_t ask_address(struct world *world)
{
    if (!world_is_telnet(world))
        return 0;
    world_game_says(world, (const uint8_t *)DO_AND_SEND, sizeof DO_AND_SEND - 1);
    world_work(world);
    player_reads(world, DO_AND_SEND);
    world_player_says(world, (const uint8_t *)WILL, sizeof WILL - 1); // left out, and WONT too
    world_game_says(world, (const uint8_t *)DONT, sizeof DONT - 1);
    world_work(world);
    world_game_hears(world, (const uint8_t *)SAID, sizeof SAID - 1, false);
    player_reads(world, DONT);
    world_player_says(world, (const uint8_t *)WONT, sizeof WONT - 1);
    return sizeof SAID - 1;
}

// A whole life: come, speak small and large, rekey, hear, lose the game and find it again, close.
static void live(struct world *world)
{
    // What was typed before there was a game is for the first one.
    world->is_dead = true;
    world_player_says(world, player_text, 1);
    world_work(world);
    world->is_dead = false;
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

    size_t n_said = ask_address(world);
    lose_game(world);
    find_game(world, n_said);

    world_player_closes(world);
    world_work(world);
    world_game_hears(world, NULL, 0, true);
    world_game_says(world, game_text + SPEECH - 1, 1);
    close(world->game);
    world->game = -1;
    vault_guard_fds(&world->vault)[7] = -1;
    world_work(world);
    world_player_hears(world, game_text + SPEECH - 1, 1, true);
    if (world->kind == WORLD_TLS13)
        assert_true(world->n_received_updates >= 1);
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
            live(&world);
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
            player_types(&world, "one\r\n");
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
    make_texts();
    if (n == 0 || !record_init())
        return 1;
    return _cmocka_run_group_tests("crash", tests, n, NULL, NULL);
}
