// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Memory shared by the storm and its game: a memfd. For the game it is its disk: what it knows of
// its players stays here over an exec and over its death, which can come at any instruction. For
// the storm it is how both ends' totals are compared without asking anybody. Written by the
// game, except `seed` to `is_stopping` and `is_rebooting` (set by the storm, cleared by the
// game).
//
// Errors: none here.
#ifndef STAYD_STORM_LEDGER_H
#define STAYD_STORM_LEDGER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "dice.h"
#include "stream.h"

#define LEDGER_LINKS 262144u // for some hours
#define LEDGER_PLAYERS LEDGER_LINKS
#define LEDGER_PLACES (2 * LEDGER_LINKS)
#define LEDGER_ID_BYTES 16u
#define LEDGER_TEXT_BYTES 400u

enum ledger_state {
    LEDGER_FREE,
    LEDGER_HELLO, // reading the player's hello
    LEDGER_LIVE,
    LEDGER_CLOSED,
};

// The line ends that stayd has put into a player's stream in a dead game's place. The game works
// them out when it is told how much of its output stayd had taken, the player sees them.
struct ledger_mends {
    uint64_t last; // offset
    uint64_t n;
    uint64_t sum; // of their offsets, mixed
};

static inline void ledger_mend(struct ledger_mends *mends, uint64_t offset)
{
    *mends = (struct ledger_mends){offset, mends->n + 1, mends->sum + dice_mix(offset)};
}

// One player's connection, whatever processes of the game it has had. Never used again.
struct ledger_link {
    _Atomic uint32_t state;
    uint16_t port;  // the player's, as the header says
    bool has_ended; // the player's end of file came
    uint8_t id[LEDGER_ID_BYTES];
    uint8_t hello[STREAM_HELLO_BYTES];
    struct stream from_player;
    struct stream to_player;
    _Atomic uint64_t received; // what the game has acted on
    _Atomic uint64_t sent;
    uint64_t at; // of the next byte from the player; lower than `received` if it is said again
    uint64_t joined_at; // ... and what `at` and `sent` were when this link was made
    uint64_t joined_sent;
    _Atomic uint64_t deaths;      // of the game, before the process that has this link
    struct ledger_mends mends[2]; // the present ones and room for the next
    _Atomic uint32_t present_mends;
    char reason[80]; // why it was closed
};

struct ledger {
    uint64_t seed;
    uint64_t pause_ms;            // mean pause between two bursts to one player
    bool resumes;                 // the game attaches with `resume ack`
    bool is_telnet;               // stayd ends a dead game's lines
    char directory[64];           // where game and control sockets are
    _Atomic uint64_t deaths;      // of the game; counted before it is killed
    _Atomic uint32_t is_stopping; // send nothing more
    _Atomic uint32_t is_rebooting;
    _Atomic uint64_t reboots;
    _Atomic uint64_t resumed;    // players taken up after the game's death
    _Atomic uint64_t superseded; // connections replaced by a newer one with the same id
    _Atomic uint64_t unfinished; // connections that ended before their hello was whole
    _Atomic uint64_t said_again; // bytes from players that a dead game had acted on already
    _Atomic uint32_t damaged;    // damage_text says what the game saw go wrong first
    char damage_text[LEDGER_TEXT_BYTES];
    _Atomic uint32_t n_links;
    _Atomic uint32_t link_of_player[LEDGER_PLAYERS]; // by number: index + 1 of its link, or 0
    _Atomic uint32_t link_of_id[LEDGER_PLACES]; // the same by id, in the first place that was free
    struct ledger_link link[LEDGER_LINKS];
};

static inline const struct ledger_mends *ledger_mends_of(const struct ledger_link *link)
{
    return &link->mends[atomic_load(&link->present_mends) & 1];
}

#endif
