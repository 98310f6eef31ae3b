// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Memory shared by the storm and its game: a memfd. For the game it is where its
// state stays over an exec; for the storm it is how both ends' totals are
// compared without asking anybody. Written by the game, except `is_stopping`,
// `is_rebooting` (set by the storm, cleared by the game) and `seed`.
//
// Errors: none here.
#ifndef STAYD_STORM_LEDGER_H
#define STAYD_STORM_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dice.h"
#include "stream.h"

#define LEDGER_LINKS 32768u
#define LEDGER_PLAYERS 32768u
#define LEDGER_HEAD_BYTES 1024u
#define LEDGER_TEXT_BYTES 400u

enum ledger_state {
    LEDGER_FREE,
    LEDGER_HEADER, // reading the PROXY header
    LEDGER_HELLO,  // reading the player's hello
    LEDGER_LIVE,
    LEDGER_CLOSED,
};

// One connection from stayd to the game. Entries are never used again.
struct ledger_link {
    _Atomic uint32_t state;
    int32_t fd;
    uint16_t port; // the player's, as the header says
    uint8_t id[16];
    struct dice dice;
    struct stream from_player;
    struct stream to_player;
    _Atomic uint64_t received;
    _Atomic uint64_t sent;
    uint64_t read_at_ms; // the game reads nothing before this moment
    uint64_t send_at_ms;
    uint64_t burst_left; // bytes still to be sent before the next pause
    uint32_t head_bytes;
    bool is_full;   // the last send found no room
    bool has_ended; // the player's end of file came
    uint8_t head[LEDGER_HEAD_BYTES];
    char reason[120]; // why it was closed
};

struct ledger {
    uint64_t seed;
    uint64_t pause_ms;            // mean pause between two bursts to one player
    _Atomic uint32_t is_stopping; // send nothing more
    _Atomic uint32_t is_rebooting;
    _Atomic uint64_t reboots;
    _Atomic uint64_t superseded; // connections replaced by a newer one with the same id
    _Atomic uint64_t unfinished; // connections that ended before their hello was whole
    _Atomic uint32_t damaged;    // damage_text says what the game saw go wrong first
    char damage_text[LEDGER_TEXT_BYTES];
    _Atomic uint32_t n_links;
    _Atomic uint32_t
        link_of_player[LEDGER_PLAYERS]; // by number: index + 1 of the newest link, or 0
    struct ledger_link link[LEDGER_LINKS];
};

#endif
