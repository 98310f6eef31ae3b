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

// What the player's connection is, and what the game does with telnet, after a death, and with
// input:
enum world_kind {
    WORLD_TLS13,        // telnet; resumes and acknowledges
    WORLD_TLS12,        // telnet; does not resume
    WORLD_PLAIN,        // not telnet; resumes and acknowledges
    WORLD_PLAIN_TELNET, // telnet; resumes, does not acknowledge
    WORLD_N_KINDS,
};

#define WORLD_AWAY "The game has stopped."
#define WORLD_BACK "The game is back."
#define WORLD_STATE                                                                                \
    "Ada, in the kitchen; and so on, so that it does not fit into a single one of those cells "    \
    "that resume state is kept in, which have two hundred and fifty-two bytes each and are "       \
    "chained "                                                                                     \
    "to one another, the last of them naming no next one, as anybody can see who looks into the "  \
    "vault."

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
    int player;             // the player's end
    int accepted;           // stayd's end, as accept(2) gave it
    int listener;           // the game's
    int game;               // the game's end of the link, -1 before
    bool is_dead;           // the game's process, for the workers
    int child;              // of the dead game, with its end of the link; -1: none
    const char *words;      // to be said by the player when a worker has died while it was giving
                            // up the link; NULL: none, or said
    bool is_acking;         // the game acknowledges all that it was sent
    uint64_t resumed_input; // of the last header with E2
    size_t n_headers_resumed;
    struct conf_game *conf;
    struct record_params params;
    struct record_key send_key; // the player's
    struct record_key receive_key;
    struct record_state send_state;
    struct record_state receive_state;
    unsigned n_received_updates;
    void (*worker)(
        const struct world *world); // in the small one's place, never returns; NULL: none
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
// The game's process ends: its socket is closed, and workers see that it is dead.
void world_game_dies(struct world *world);
// ... but a child of it keeps its socket, and must hear nothing from now on.
void world_game_leaves_child(struct world *world);
void world_child_heard_nothing(struct world *world);

bool world_resumes(const struct world *world);
bool world_acks(const struct world *world);
bool world_is_telnet(const struct world *world);

void world_game_says(struct world *world, const uint8_t *text, size_t n);

#endif
