// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The world of a crash test: a vault with one player, whose other end and whose game
// are played here, and a small worker that runs in a process of its own with the
// same descriptor table, dies at a chosen crash point, and is followed by another.
//
// Errors: the test fails (cmocka).
#ifndef STAYD_TESTS_CRASH_WORLD_H
#define STAYD_TESTS_CRASH_WORLD_H

#include "vault/point.h"
#include "vault/vault.h"
#include <stdbool.h>

enum world_kind { WORLD_TLS13, WORLD_TLS12, WORLD_PLAIN };

// Where the worker is to die: at the n-th time it reaches this point. In shared
// memory, so that counting goes on over processes.
struct trap {
    enum point point;
    unsigned nth;
    unsigned seen;
    bool has_fired;
};

struct world {
    enum world_kind kind;
    struct vault vault;
    struct trap *trap;
    int player;   // the player's end
    int accepted; // stayd's end, as accept(2) gave it
    int listener; // the game's
    int game;     // the game's end of the link, -1 before
    struct conf_game *conf;
    struct record_params params;
    struct record_key send_key; // the player's
    struct record_key receive_key;
    struct record_state send_state;
    struct record_state receive_state;
    unsigned n_received_updates;
};

void world_make(struct world *world, enum world_kind kind, struct trap *trap);
void world_free(struct world *world);

// Let workers run, one after the other dying, until one finds nothing more to do.
void world_work(struct world *world);

// The player sends n bytes of text, as records of at most 16384 bytes (plain: as they are).
void world_player_says(struct world *world, const uint8_t *text, size_t n);
void world_player_rekeys(struct world *world, bool request_update);
void world_player_closes(struct world *world);

// What the player has received so far must be exactly this text, and with is_end
// then the end (close_notify, end of file).
void world_player_hears(struct world *world, const uint8_t *text, size_t n, bool is_end);

// Take the newest link and read its header away.
void world_game_accepts(struct world *world);
void world_game_hears(struct world *world, const uint8_t *text, size_t n, bool is_end);
void world_game_says(struct world *world, const uint8_t *text, size_t n);

#endif
