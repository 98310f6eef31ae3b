// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the storm can be told. Errors: options_read ends the program with 2 when
// it cannot understand its arguments.
#ifndef STAYD_STORM_OPTIONS_H
#define STAYD_STORM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum options_mode { OPTIONS_MIX, OPTIONS_TLS12, OPTIONS_TLS13 };

// What is done to stayd and its game; each is a card of the deck (admin.h).
enum options_deed {
    OPTIONS_KILL,
    OPTIONS_REBOOT,
    OPTIONS_GAME_KILL,
    OPTIONS_RELOAD,
    OPTIONS_RENEWAL,
    OPTIONS_UPGRADE,
    OPTIONS_BROKEN,
    OPTIONS_N_DEEDS
};

struct options {
    const char *stayd;
    unsigned n_players;
    unsigned n_visitors; // places for players who come and go meanwhile
    unsigned n_deeds[OPTIONS_N_DEEDS];
    unsigned seconds; // deal the deck again until they are over; 0: once
    uint64_t seed;
    unsigned limit_s;
    unsigned pause_ms;       // mean pause between two deeds
    unsigned talk_pause_ms;  // mean pause between two bursts of one player
    unsigned visit_pause_ms; // ... and before the next visitor comes
    enum options_mode mode;
    bool is_telnet;       // stayd follows the game's telnet
    bool expects_failure; // the control run: succeed only if damage is seen
    bool keeps_folder;
};

void options_read(struct options *options, int argc, char **argv);

// The command that repeats this run, as far as a seed can.
void options_print(const struct options *options, const char *program);

#endif
