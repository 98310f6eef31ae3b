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

#define WAITING_TICK_MS 10u       // between two looks, at least
#define WAITING_SLOW_TICK_MS 250u // between two looks at all
#define WAITING_ACK_MS 5000u      // nothing is done about it, but it is said

// look: the timer's callback (look.h); its argument is the players. NULL: no memory.
struct waiting *waiting_make(struct players *players, event_callback_fn look);
void waiting_stop(struct waiting *waiting);
void waiting_forget(struct waiting *waiting); // the heap only (crowd_forget); NULL: nothing

// This conn waits for exactly these things from now on.
void waiting_set(struct conn *conn, unsigned for_what);

// How it stands with the game that this conn waits for, or would.
struct waiting_game *waiting_game_of(const struct conn *conn);

// When to look at it next. Some things are hurried by what others do (a backlog, memory), some only
// end.
uint64_t waiting_due_ms(const struct conn *conn, uint64_t now_ms);

// Set the timer, unless it comes sooner anyway.
void waiting_arm(struct waiting *waiting, uint64_t at_ms);

// Why a game's players wait, in words; error: what the last try to reach it has met (an errno;
// EPERM: a stranger, ELOOP: stayd itself), 0: nothing.
const char *waiting_why(int error);

// The game may be reached now: try at once.
void waiting_retry(struct players *players, unsigned game);

// Look soon: something that was waited for may have come.
void waiting_hurry(struct players *players);

#endif
