// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the storm needs around the players: the ledger, the game's process and stayd
// itself, and how all of it comes to an end. The storm is the subreaper of all of stayd's
// processes, so that each of them is waited for here once its parent is dead.
//
// Errors: given to the verdict as VERDICT_SETUP, or as said at the function.
#ifndef STAYD_STORM_STAGE_H
#define STAYD_STORM_STAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "ledger.h"
#include "options.h"
#include "site.h"

enum stage_wish { STAGE_NOTHING, STAGE_REBOOT_GAME, STAGE_KILL_GAME };

struct stage {
    const struct options *options;
    struct site *site;
    int ledger_fd;
    struct ledger *ledger;
    pid_t game;             // 0: dead
    uint64_t game_since_us; // when its last process, reboot or death began
    uint64_t game_start_us; // when it is to be started again
    struct dice dice;
    _Atomic int wish;            // enum stage_wish, what other threads want done
    _Atomic bool is_ordered;     // who is on trial ends itself if its guard is killed
    _Atomic bool is_failing;     // ... and with a broken program anybody may, as it likes
    _Atomic unsigned n_reapings; // how often all ends of processes were looked at
    pid_t last_guard;            // who was told to end
    int guard_status;            // its wait status; -1: not waited for yet
};

bool stage_make(struct stage *stage, const struct options *options, struct site *site);
bool stage_start_game(struct stage *stage);
bool stage_start_stayd(struct stage *stage);

// Take the statuses of processes that have ended, and judge them: the game must
// live unless it was killed, and nobody of stayd may end but by SIGKILL or with exit code 0. Then
// do to the game what is wished, and start it again some time after it was killed.
void stage_turn(struct stage *stage, uint64_t now);

// For another thread: is the game there, and not rebooting?
bool stage_has_game(const struct stage *stage);

// SIGTERM to the present guard.
void stage_end_stayd(struct stage *stage);

// Has the guard ended, and everybody else?
bool stage_is_empty(const struct stage *stage);

// Kill whatever is left.
void stage_clear(struct stage *stage);

#endif
