// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The library's handle, for the files that implement stay.h: open.c (its beginning and end), stay.c
// (players and reboots) and talk.c (what is said to stayd).
//
// Errors: none.
#ifndef STAY_HANDLE_H
#define STAY_HANDLE_H

#include "carry.h"
#include "control.h"
#include "door.h"
#include "place.h"
#include "revive.h"

struct stay {
    char *game;
    char *directory;
    char control_path[STAY_PATH_BYTES];
    bool resumes;
    bool acknowledges;
    bool has_control; // control is open
    int lock_fd;
    struct stay_door door;
    struct stay_control control;
    struct stay_revive revive;
    enum stay_start how;
    char remarks[2 * STAY_ERROR_BYTES];  // stayd's own words at its start, then what it refused
    struct stay_carry kept;              // what a reboot brought; players are handed out from it
    size_t kept_at;                      // the next record to look at
    struct stay_carry_record game_state; // points into kept
    bool is_kept_over;                   // all are handed out, the last one's state is still in use
    struct stay_carry notes;             // for the next stay_exec
};

#endif
