// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player's life (life.h). Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "life.h"

#include <string.h>
#include <unistd.h>

const struct life_sizes life_long = {
    .few = 300, .fewer = 99, .part = {12000, 16000, LIFE_TEXT - 28400}};
const struct life_sizes life_brief = {.few = 21, .fewer = 9, .part = {30, 40, 20}};

static uint8_t player_text[LIFE_TEXT];
static uint8_t game_text[LIFE_TEXT];

void life_init(void)
{
    for (unsigned i = 0; i < LIFE_TEXT; i++) {
        // No IAC; and no ESC for the game, which would begin what a death leaves to be mended.
        player_text[i] = (uint8_t)((i * 31 + i / 251) & 0x7f);
        game_text[i] = (uint8_t)(' ' + (i * 17 + i / 241 + 5) % 90);
    }
}

void life_player_types(struct world *world, const char *text)
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
    life_player_types(world, "look he");
    world_game_hears(world, (const uint8_t *)"look he", 7, false);
    world_game_says(world, (const uint8_t *)"you see\033[3", 10);
    world_game_dies(world);
    world_work(world);
    player_reads(world, world_is_telnet(world) ? "you see\033[3m\033[0m\r\n" WORLD_AWAY "\r\n"
                                               : "you see\033[3" WORLD_AWAY "\r\n");
    life_player_types(world, "re\r\nsay hi\r\n");
}

// Another takes its place.
static void find_game(struct world *world, size_t n_typed)
{
    const char *wanted = world_acks(world)      ? "look here\r\nsay hi\r\nnorth\r\n"
                         : world_resumes(world) ? "say hi\r\nnorth\r\n"
                                                : "north\r\n";
    world->is_dead = false;
    world_work(world);
    world_game_accepts(world);
    life_player_types(world, "north\r\n");
    world_game_hears(world, (const uint8_t *)wanted, strlen(wanted), false);
    player_reads(world, WORLD_BACK "\r\n");
    assert_int_equal(world->n_headers_resumed > 0, world_resumes(world));
    if (world_acks(world))
        assert_int_equal(world->resumed_input, n_typed);
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
void life_live(struct world *world, const struct life_sizes *sizes)
{
    const size_t n_all =
        1 + sizes->few + sizes->fewer + sizes->part[0] + sizes->part[1] + sizes->part[2];
    const uint8_t *text = player_text;
    assert_true(n_all <= LIFE_TEXT);
    // What was typed before there was a game is for the first one.
    world->is_dead = true;
    world_player_says(world, text, 1);
    world_work(world);
    world->is_dead = false;
    world_work(world);
    world_game_accepts(world);
    world_work(world);
    world_game_hears(world, text++, 1, false);

    world_game_says(world, game_text, 5);
    world_player_says(world, text, sizes->few);
    world_player_rekeys(world, true);
    world_player_says(world, text + sizes->few, 0);
    world_player_says(world, text + sizes->few, sizes->fewer);
    world_work(world);
    world_game_hears(world, text, sizes->few + sizes->fewer, false);
    world_player_hears(world, game_text, 5, false);
    text += sizes->few + sizes->fewer;

    // In a long life they are large, so that one straddles the end of a chunk and moves.
    world_player_says(world, text, sizes->part[0]);
    world_player_says(world, text + sizes->part[0], sizes->part[1]);
    world_player_rekeys(world, false);
    world_player_says(world, text + sizes->part[0] + sizes->part[1], sizes->part[2]);
    world_game_says(world, game_text + 5, n_all - 6);
    world_work(world);
    world_game_hears(world, text, sizes->part[0] + sizes->part[1] + sizes->part[2], false);
    world_player_hears(world, game_text + 5, n_all - 6, false);

    size_t n_said = ask_address(world);
    lose_game(world);
    find_game(world, n_all + n_said);

    world_player_closes(world);
    world_work(world);
    world_game_hears(world, NULL, 0, true);
    world_game_says(world, game_text + n_all - 1, 1);
    close(world->game);
    world->game = -1;
    vault_guard_fds(&world->vault)[7] = -1;
    world_work(world);
    world_player_hears(world, game_text + n_all - 1, 1, true);
    if (world->kind == WORLD_TLS13)
        assert_true(world->n_received_updates >= 1);
}
