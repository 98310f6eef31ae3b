// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The games' processes: which one is behind each game, is it alive, and what it means that a
// player's link has ended.
//
//                    a process takes a link, or attaches
//     UNKNOWN ──────────────────────────────────────────▶ HERE ◀──────────┐
//                                                           │             │ another one
//                       its pidfd fires; its links end and  ▼             │
//                       it is dead                        AWAY ───────────┘
//
// What must survive a worker is in the vault (struct game_state, and each slot has the process that
// its link is of); here are the pidfds' events.
//
// Errors: a process that cannot be watched is looked at when its links end.
#ifndef STAYD_PLAYERS_GAMES_H
#define STAYD_PLAYERS_GAMES_H

#include "game/link.h"
#include "game/listener.h"
#include "vault/game.h"
#include <event2/event.h>
#include <stdbool.h>
#include <time.h>

struct conn;
struct players;

// Links that a game has not looked at yet, at most; a small backlog (5, in PennMUSH) takes them.
#define GAMES_UNREAD 4u

// Processes of a game that have links, at most; another one is noticed by its links only.
#define GAMES_WATCHED 4u

struct games {
    struct game_watch {
        struct games_death {
            struct players *players;
            struct event *event; // the process' pidfd; NULL: none
            unsigned game;
            int pidfd;
            int32_t pid; // whose
            uint64_t start;
        } death[GAMES_WATCHED];
        unsigned n_given_up;      // of those, for newer ones, ever
        uint64_t attach_until_ms; // a process that has not attached may still; 0: none
        int32_t attach_pid;       // which
        uint64_t attach_start;
        bool may_resume; // some of its players, not linked, may be resumable
        struct games_seen {
            struct listener listener;
            uint64_t at_ms;        // boottime; 0: never
            uint64_t device, file; // a Unix socket's file, as it was then
            struct timespec changed;
        } seen;                 // who listened
        struct listener before; // who did before the connect that is to be judged (games_may_ask)
        struct games_gone {
            int32_t pid; // whose links, made before at_ms, were judged to be of a dead process
            uint64_t start;
            uint64_t at_ms; // 0: nobody's
        } gone;
        uint64_t stranger;   // the user who was refused last, + 1; 0: none since the game was here
        uint64_t doubted_ms; // since when what stands in the pid-file is not believed; 0: it is
        bool is_doubt_said;
        uint32_t n_back;               // held players linked since the game's death
        uint64_t back_since_ms;        // of the one of them who was held first; 0: none
        bool is_header_doubted;        // that it reads the header; said
        uint32_t newest[GAMES_UNREAD]; // slots linked last
        unsigned n_newest;             // ever
    } watch[VAULT_GAMES];
};

// Watch those that the vault knows. After the slots were served once.
void games_start(struct players *players);
void games_stop(struct players *players);

// May one more player be linked now, or has the game too many that it has not looked at?
bool games_have_room(struct players *players, unsigned game);

// May somebody connect to the game now? Before each connect. False, with errno: EPERM: a user's
// process listens there that may not be the game; ELOOP: it is stayd's own socket.
bool games_may_ask(struct players *players, unsigned game);

// A connect to the game has succeeded: note who is there, and say on what terms the slot may be
// linked. False, with errno: EAGAIN: not now; the process that is there is dying, has changed
// meanwhile, or may yet attach to resume players; EPERM: as above.
bool games_meet(struct players *players, unsigned game, int fd, struct link_terms *terms);

// Process pid is this game, from now on until it is dead, and says so itself. False: it is dead
// already.
bool games_attach(struct players *players, unsigned game, pid_t pid, bool resumes,
                  bool acknowledges);

// The attached process is going to end: its players are held, or end with it. False: pid is not the
// process that has attached.
bool games_plan(struct players *players, unsigned game, pid_t pid, bool holds);

// A slot has lost its link, and waits for another.
void games_note_held(struct players *players, const struct slot *slot);

// A slot was linked, which waited since held_ms; 0: a new player.
void games_note_link(struct players *players, const struct slot *slot, uint64_t held_ms);

// None of the game's players waits any more.
void games_note_all_linked(struct players *players, unsigned game);

enum games_verdict {
    GAMES_PLAYER, // the living game has closed this player
    GAMES_DEAD,   // the game is gone, the player is to be held
    GAMES_GONE,   // the game is gone, and has said that its players go, too
    GAMES_LATER,  // cannot be said yet
};

// A slot's link has ended `since_ms` ago: what does it mean? GAMES_LATER: ask again in *wait_ms; if
// more is known before that, it is judged by itself.
enum games_verdict games_judge(struct players *players, const struct slot *slot, uint64_t since_ms,
                               uint64_t *wait_ms);

// Is the process behind this slot's link known to live?
bool games_is_alive(const struct slot *slot);

// Say what has stood wrong for some seconds. Now and then.
void games_tick(struct players *players);

// Nobody listens at the game's address any more.
void games_note_away(struct players *players, unsigned game);

#endif
