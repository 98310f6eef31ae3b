// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Slots that wait for something no descriptor tells of (enum waiting_for): a host name, room in the
// game's backlog, memory, the header being read, a verdict on the game's end; or for a time to be
// over. They are looked at in order of age, by one timer that runs only while somebody waits. Every
// look sees those for whom something may have changed; four times a second one sees all.
//
// Errors: none.
#ifndef STAYD_PLAYERS_WAITING_H
#define STAYD_PLAYERS_WAITING_H

#include "conf/conf.h"
#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

struct conn;
struct players;

enum waiting_for {
    WAITING_JOIN = 1,   // not linked to the game yet
    WAITING_POLL = 2,   // to be run again
    WAITING_LINGER = 4, // all is said, the player has not closed
    WAITING_HALF = 8,   // the game has closed, the player has not
    WAITING_LEFT = 16,  // the player has left words for a game that is not linked
    WAITING_STUCK = 32, // the game has closed, and the player does not take its last words
    WAITING_JUDGE = 64, // its link has ended; is the game dead?
    WAITING_ACK = 128,  // there is no room for more of its input before the game acknowledges some
    WAITING_WATCH = 256 // its sockets cannot be watched; that is tried again, and so are they
};

struct waiting {
    struct event *timer;
    uint64_t armed_ms; // boottime at which the timer fires; UINT64_MAX: it is not armed
    uint64_t full_ms;  // boottime at which all are looked at; before, only those who can be helped
    uint32_t *slot;    // who waits
    uint32_t n;
    uint64_t newest_ms; // opened_ms of the newest who has come to join
    bool is_unsorted;   // some of those who join are not in order
    struct waiting_game {
        uint64_t retry_ms; // nobody connects before
        int error;         // why the last attempt failed, 0 if it did not
        double credit;     // links that may be made now (reconnect-rate)
        uint64_t credit_ms;
        uint32_t n_held; // at the last look
    } game[CONF_MAX_GAMES];
};

// 0, or -1 without memory.
int waiting_make(struct players *players);
void waiting_free(struct waiting *waiting);
void waiting_forget(struct waiting *waiting); // the heap only (players_forget)

// This conn waits for exactly these things from now on.
void waiting_set(struct conn *conn, unsigned for_what);

// What was asked of the game's connector has come: fd, which is the callee's, or -1 and an errno.
void waiting_connected(struct conn *conn, int fd, int error);

// Why a game's players wait, in words; error: what the last try to reach it has met (an errno;
// EPERM: a stranger, ELOOP: stayd itself), 0: nothing.
const char *waiting_why(int error);

// The game may be reached now: try at once.
void waiting_retry(struct players *players, unsigned game);

// Look soon: something that was waited for may have come.
void waiting_hurry(struct players *players);

#endif
