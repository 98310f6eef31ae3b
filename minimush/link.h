// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One player's connection.
//
//              line: connect, create            password right
//   ┌▶ LOGIN ───────────────────────▶ HASHING ─────────────────▶ PLAYING
//   │                                    │ wrong                    │
//   └──────────── WAITING ◀──────────────┘                          │
//        a pause                                                    │
//   any of them ── QUIT, shut out, end of file ──▶ LEAVING ──▶ GONE │
//                                                     ▲─────────────┘
//   LEAVING: what is queued goes out, then our end is shut, then the other side closes or the
//   time is up. GONE: freed by the loop when the callbacks are done.
//
// Limits: a line LINE_MAX_BYTES; LINK_TURN_LINES lines a turn of the loop; a player with
// LINK_SOFT_BYTES of output waiting is not listened to until it has read some; others'
// words are dropped and counted above LINK_HARD_BYTES.
//
// Errors: those of the connection end it.
#ifndef MINIMUSH_LINK_H
#define MINIMUSH_LINK_H

#include "line.h"
#include "mush.h"
#include <event2/buffer.h>
#include <event2/bufferevent.h>

#define LINK_TURN_LINES 50
#define LINK_SOFT_BYTES (64u << 10)
#define LINK_HARD_BYTES (256u << 10)
#define LINK_INPUT_BYTES (16u << 10)
#define LINK_LEAVE_S 3
#define LINK_MAX_FAILURES 5

enum link_phase {
    LINK_LOGIN,
    LINK_HASHING,
    LINK_WAITING,
    LINK_PLAYING,
    LINK_LEAVING,
    LINK_GONE,
    LINK_N_PHASES,
};

struct link {
    struct link *next;
    struct link *previous;
    struct mush *mush;
    uint64_t number; // never used again while the process lives
    enum link_phase phase;
    struct stay_player player;
    struct bufferevent *stream;
    struct evbuffer *input; // read, not yet taken
    struct event *turn;     // go on with the input in the next turn of the loop
    struct event *timer;    // WAITING, LEAVING
    struct line line;
    struct character character; // PLAYING
    char *login_line;           // HASHING: done again if a reboot comes in between
    int64_t connected_at;       // seconds since 1970; from the login on, of that
    int64_t spoke_at;
    unsigned n_failures; // wrong passwords
    unsigned n_lost;     // lines that found no room
    bool has_ended;      // the player will type nothing more
};

// Takes the player over. NULL, the connection closed: no memory.
struct link *link_new(struct mush *mush, const struct stay_player *player);

// The same for a player who was kept over a reboot.
struct link *link_restore(struct mush *mush, const struct stay_player *player);

// Note the player for the reboot, with all that must not be lost.
bool link_keep(struct link *link);

// Frees it and closes the connection. Only for the loop's reaping and the game's end.
void link_free(struct link *link);

struct link *link_find(struct mush *mush, uint64_t number);

// One line of text; what does not fit is counted.
void link_tell(struct link *link, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void link_vtell(struct link *link, const char *fmt, va_list args);

// The password was asked about: until link_decided nothing more is taken.
void link_await_password(struct link *link, const char *line);

// Back to LOGIN after a pause that grows with the failures, or out.
void link_reject(struct link *link);

// Into the game.
void link_enter(struct link *link, const struct character *character);

// Back to LOGIN at once.
void link_resume_login(struct link *link);

void link_leave(struct link *link);

static inline bool link_is_playing(const struct link *link)
{
    return link->phase == LINK_PLAYING;
}

#endif
