// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the control channel can ask of the worker (doc/PROTOCOL.control). ops/ parses, checks who
// may ask, and answers; here it is done. Each can be asked again: the second time changes nothing
// more.
//
// Errors: enum order_result.
#ifndef STAYD_PLAYERS_ORDERS_H
#define STAYD_PLAYERS_ORDERS_H

#include "vault/layout.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct players;

enum order_result {
    ORDER_DONE,
    ORDER_GONE,         // there is no such connection (any more)
    ORDER_NOT_ATTACHED, // the process that asks is not the one that has attached
    ORDER_BAD_OFFSET,
    ORDER_SHORT, // of memory; ask again
};

// The live slot with this connection id, or NULL.
struct slot *order_find(struct players *players, const uint8_t id[16]);

// Process pid (of the peer) is this game, from now on until it is dead. ORDER_GONE: it is dead
// already.
enum order_result order_attach(struct players *players, unsigned game, pid_t pid, bool resumes,
                               bool acknowledges);

// n up to VAULT_RESUME_BYTES; 0 takes it away.
enum order_result order_leave(struct players *players, struct slot *slot, const uint8_t *bytes,
                              size_t n);

enum order_result order_acknowledge(struct players *players, struct slot *slot, uint64_t offset);

// End a player in order: what the game has said so far, then text (a string without line's end;
// NULL: none), then the close. `by`: who has asked.
enum order_result order_close(struct players *players, struct slot *slot, const char *text,
                              enum slot_end by);

enum order_plan { ORDER_PLAN_REBOOT, ORDER_PLAN_END_HOLD, ORDER_PLAN_END_LEAVE };
enum order_result order_plan(struct players *players, unsigned game, pid_t pid,
                             enum order_plan plan);

// Say one line to a player. `token` (not 0) stands for the request: the same one is said once.
// False: there is no room with that player now (ORDER_SHORT).
enum order_result order_notice(struct players *players, struct slot *slot, uint32_t token,
                               const char *text);

// Does this player wait for its game?
bool order_is_held(const struct slot *slot);

// How a game is seen.
struct order_game {
    enum { ORDER_GAME_UNKNOWN, ORDER_GAME_HERE, ORDER_GAME_AWAY } state;
    pid_t pid; // 0: not known
    bool is_attached, resumes, acknowledges;
    uint32_t n_players, n_held;
    uint64_t since_ms; // boottime of the last change of state; 0: none
    int error;         // why the last attempt to connect has failed; 0: it did not
};
void order_look(struct players *players, unsigned game, struct order_game *look);

#endif
