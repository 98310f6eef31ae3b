// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One slot and its relay, with player and game at the other ends of socket pairs. Behind each call
// the vault is looked at: every invariant of the slot holds, and each chunk is either the slot's or
// free. System calls, memory and the sealing of records fail when the test says so.
//
// Errors: cmocka assertions.
#ifndef STAYD_TESTS_RELAY_WORLD_H
#define STAYD_TESTS_RELAY_WORLD_H

#include "relay/relay_part.h"
#include "vault/chunk.h"
#include "vault/slot.h"
#include "vault/vault.h"

enum relay_world_kind { WORLD_PLAIN, WORLD_TLS12, WORLD_TLS13 };

// What fails, and with what error.
struct relay_world_failure {
    int error;
    unsigned n;       // so many times
    unsigned n_first; // ... after it has succeeded so often
};

struct relay_world {
    struct vault vault;
    struct slot_pool slots;
    struct chunk_pool chunks;
    struct slot *slot;
    struct relay_conn conn;
    struct relay relay;
    int player; // the player's end
    int game;   // the game's; -1: none
    struct record_params params;
    struct record_key send_key; // the player's
    struct record_key receive_key;
    struct record_state send_state;
    struct record_state receive_state;
    uint8_t alert;      // the last one that the player heard; FLOW_ALERT_NONE
    unsigned n_updates; // KeyUpdates that the player heard
    unsigned n_records; // records of text that the player heard
};

static inline struct relay_world_failure failing(int error, unsigned n)
{
    return (struct relay_world_failure){.error = error, .n = n};
}

extern struct relay_world_failure relay_world_recv; // receives
extern struct relay_world_failure relay_world_send;
extern struct relay_world_failure relay_world_memory; // chunks
extern struct relay_world_failure relay_world_seal;   // any record that stayd seals
extern struct relay_world_failure relay_world_linger; // receives of what is not kept
extern const struct vault *relay_world_vault;         // whose slot is looked at; NULL: none
extern unsigned relay_world_n_commits;
extern unsigned relay_world_n_receives;
extern unsigned relay_world_n_wiped[128]; // outside of the vault, by how many bytes
// Called behind each commit, when a link's descriptor is about to be closed, when a clock is read.
// NULL: not.
extern void (*relay_world_on_commit)(const struct slot *slot, enum flow_dir dir);
extern void (*relay_world_on_close)(const struct slot *slot);
extern void (*relay_world_on_clock)(const struct slot *slot);

// Neither linked nor telnet, unless the flags (SLOT_FLAG_*) say so.
void world_make(struct relay_world *world, enum relay_world_kind kind, uint32_t flags);
void world_free(struct relay_world *world);

// Join the player to a game, as players/join.c does. The flags are added.
void world_link(struct relay_world *world, bool is_resumed, uint32_t flags);
// The game's process is dead: its end is closed, its link given up.
void world_unlink(struct relay_world *world);

// The flow's `out`, which is empty, has bytes of this from `start` on, and so much room
// behind them. They have come, and are not sent.
void world_fill_out(struct relay_world *world, enum flow_dir dir, uint32_t start, uint32_t left,
                    int byte);

// A run with this readiness (RELAY_*), or for everything. Returns what relay_run does.
unsigned world_run_with(struct relay_world *world, unsigned ready);
unsigned world_run(struct relay_world *world);
void world_check(const struct relay_world *world);

void world_player_says(struct relay_world *world, const void *text, size_t n);
// The record of this text, to be sent by the test. Returns its bytes.
size_t world_player_seals(struct relay_world *world, const void *text, size_t n, uint8_t *record);
// One record of this type, and what is in it (TLS).
void world_player_says_record(struct relay_world *world, uint8_t type, const void *content,
                              size_t n);
void world_player_says_alert(struct relay_world *world, uint8_t alert);
void world_player_rekeys(struct relay_world *world, bool request_update);
void world_game_says(struct relay_world *world, const void *text, size_t n);

// All that the player has been sent; until the next call.
size_t world_player_reads(struct relay_world *world, const uint8_t **text, bool *is_end);
// All that the player has been sent is this, and with is_end then the end (TLS: after an alert).
void world_player_hears(struct relay_world *world, const void *text, size_t n, bool is_end);
void world_game_hears(struct relay_world *world, const void *text, size_t n, bool is_end);

#define TEXT(text) (text), sizeof(text) - 1

static inline const struct flow_state *world_now(const struct relay_world *world, enum flow_dir dir)
{
    return flow_now(&world->slot->flow[dir]);
}

#endif
