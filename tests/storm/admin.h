// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The admin, in a thread of its own so that its moments have nothing to do with the players'. It
// goes through a deck of deeds that the seed has shuffled: strikes at stayd's processes, reboots
// and kills of the game, reloads, renewals of the certificate, upgrades, and orders to upgrade to
// programs that fail. What was ordered is looked at when it is said to be done. In the middle of
// half of the orders a process of stayd is killed, in the middle of a quarter the game; if an
// upgrade is given up for that, it is ordered again.
//
// Errors: given to the verdict; the thread ends when one is out.
#ifndef STAYD_STORM_ADMIN_H
#define STAYD_STORM_ADMIN_H

#include "crowd.h"
#include "killer.h"
#include "stage.h"

struct admin {
    const struct options *options;
    struct stage *stage;
    struct site *site;
    struct player_world *world;
    struct killer killer;
    struct dice dice;
    pthread_t thread;
    _Atomic bool is_finished;
    uint64_t n_asked; // ids of requests
    uint64_t n_dice;  // sets of dice that were taken
    pid_t signalled;  // the guard that was given a signal last
    uint64_t signal_again_us;
    unsigned running; // index in site_good
    uint8_t *deck;    // enum options_deed
    unsigned n_deck;
    // Read when it is finished.
    unsigned n_done[OPTIONS_N_DEEDS];
    unsigned n_refused;  // broken programs, by the trial
    unsigned n_back;     // ... and after it
    unsigned n_given_up; // orders to upgrade, because a process was killed meanwhile
};

void admin_init(struct admin *admin, struct stage *stage, struct player_world *world);

// False: no thread, or no memory.
bool admin_start(struct admin *admin);
void admin_join(struct admin *admin);

#endif
