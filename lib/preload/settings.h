// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// STAYD_PRELOAD, the variable that makes the library do something: the ports on which the game
// listens for stayd, and, as uid=NUMBER, the one user who may speak as stayd there.
//
//     STAYD_PRELOAD=2860
//     STAYD_PRELOAD="2860 2861 uid=998"
//
// Errors: false; the library then ends the process, for it would show wrong addresses.
#ifndef STAYD_PRELOAD_SETTINGS_H
#define STAYD_PRELOAD_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define SETTINGS_PORTS 8u

struct settings {
    uint16_t port[SETTINGS_PORTS];
    unsigned n_ports; // 0: the library does nothing
    bool has_uid;     // else: root and the game's own user
    uid_t uid;
};

// text may be NULL: not set.
bool settings_read(struct settings *settings, const char *text);

#endif
