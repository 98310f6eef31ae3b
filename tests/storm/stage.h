// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the storm needs around the players: a private folder with stayd's
// configuration and log, the ledger, the game's process and stayd itself, and how
// all of it comes to an end. The storm is the subreaper of all of stayd's
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

struct stage {
    const struct options *options;
    char folder[64];
    uint16_t port;
    int ledger_fd;
    struct ledger *ledger;
    pid_t game;
    uint64_t reboot_at_us;
    uint64_t reboot_since_us;
    struct dice dice;
    pid_t last_guard; // who was told to end
    int guard_status; // its wait status; -1: not waited for yet
};

bool stage_make(struct stage *stage, const struct options *options);
bool stage_start_game(struct stage *stage);
bool stage_start_stayd(struct stage *stage);

// Take the statuses of processes that have ended, and judge them: the game must
// live, and nobody of stayd may end but by SIGKILL or with exit code 0.
void stage_reap(struct stage *stage);

// Reboot the game when it is time; complain when a reboot takes too long.
void stage_reboot_game(struct stage *stage, uint64_t now);

// SIGTERM to the present guard.
void stage_end_stayd(struct stage *stage);

// Has the guard ended, and everybody else?
bool stage_is_empty(const struct stage *stage);

void stage_print_log(const struct stage *stage);

// The first log line of something that must not happen.
bool stage_find_complaint(const struct stage *stage, char *line, int line_size);

// How many receipts held a count that a dead worker had not committed.
unsigned stage_count_settled(const struct stage *stage);

// Kill whatever is left, and remove the folder unless it is to be kept.
void stage_clear(struct stage *stage, bool keeps_folder);

#endif
