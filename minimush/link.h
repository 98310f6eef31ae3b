// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One player's connection: what is known of it, for all files that serve it. stream.c begins and
// ends it, life.c leads it through its phases:
//
//               connect NAME             a line
//   ┌▶ LOGIN ───────────────▶ PROMPT ──────────▶ HASHING ────────────▶ PLAYING
//   │    │   connect, create with a password       ▲  │ wrong             │
//   │    └─────────────────────────────────────────┘  │                   │
//   └──────────── WAITING ◀───────────────────────────┘                   │
//        a pause                                                          │
//   any of them ── QUIT, shut out, end of file ──▶ LEAVING ──▶ GONE       │
//                                                     ▲───────────────────┘
//   A known certificate leads from LOGIN to PLAYING at once. LEAVING: what is queued goes out, then
//   our end is shut, then the other side closes or the time is up. GONE: freed at the turn's end.
//
//   AWAITED ── it comes back, on a link of its own ──▶ GONE
//      └───── booted, or the time is up ──▶ LEAVING ──▶ GONE
//   A player who was playing when the game died, and whom stayd has yet to hand out again. It has
//   no stream: what is said to it waits in the outbox. To the others it is there, as it has been
//   all the time.
//
// The way of bytes, in (input.c) and out (output.c, turn.c):
//
//   fd ─▶ input ─▶ telnet ─▶ line ─▶ play_line ─▶ fresh ═COMMIT═▶ stream ─▶ fd
//
// `input` holds every byte from n_done on, until what it asks for has been done: what a crash or a
// reboot finds there is simply begun again.
//
// Limits: a line LINE_MAX_BYTES; LINK_TURN_LINES lines a turn of the loop, and a rate (settings.h);
// a player with LINK_SOFT_BYTES of output waiting is not listened to until it has read some;
// others' words are dropped and counted above LINK_HARD_BYTES.
//
// Errors: those of the connection end it.
#ifndef MINIMUSH_LINK_H
#define MINIMUSH_LINK_H

#include "ledger.h"
#include "line.h"
#include "mush.h"
#include "telnet.h"
#include "world.h"

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
    LINK_PROMPT,
    LINK_HASHING,
    LINK_WAITING,
    LINK_PLAYING,
    LINK_AWAITED,
    LINK_LEAVING,
    LINK_GONE,
    LINK_N_PHASES,
};

// What is known of the player's program; terminal.c fills it in.
struct link_terminal {
    char type[41];
    unsigned width; // 0: not known
    unsigned height;
    bool is_asked; // the options have been offered
    bool has_gmcp_room;
};

struct link {
    struct link *next;
    struct link *previous;
    struct link *next_touched;
    bool is_touched; // has something for the turn's end
    struct mush *mush;
    uint64_t number; // never used again while the process lives
    enum link_phase phase;
    struct stay_player player;
    struct object *self;        // PLAYING, AWAITED
    struct bufferevent *stream; // NULL: AWAITED, or was
    struct event *turn;         // go on with the input
    struct event *timer;        // WAITING, AWAITED, LEAVING

    struct evbuffer *input; // from n_done on
    size_t n_taken;         // of it, made into lines
    uint64_t n_done;        // input before this was acted on
    uint64_t n_told;        // ... up to where stayd knows it
    uint64_t n_passed_over; // input still to come that an earlier process has acted on
    struct telnet telnet;
    struct line line;
    int64_t credit;      // lines it may still type, in thousandths
    int64_t credited_ms; //

    struct evbuffer *fresh; // the turn's output, not committed yet
    uint64_t n_output;      // where it begins
    bool has_outbox;        // some output is stored
    size_t n_owed;          // without a stream: bytes of it, taken by stayd or not

    char prompt_name[WORLD_PLAYER_NAME_BYTES]; // PROMPT: whose password
    bool is_asking;                            // @password is being worked on
    char paged[LEDGER_PAGED_BYTES];
    struct link_terminal terminal;
    int64_t connected_at; // seconds since 1970; from the login on, of that
    int64_t spoke_at;
    unsigned n_failures; // wrong passwords
    unsigned n_lost;     // lines that found no room
    bool has_ended;      // the player will type nothing more
    bool is_dismissed;   // LEAVING: the game's wish, or the player's; else it was cut off
    bool is_told_end;    // stay_end has been called
    bool has_left_state; // stay_leave has been called
};

// Checks that it may follow. Only a link that is made again is put into its phase without
// (keep.c, resume.c).
void link_set_phase(struct link *link, enum link_phase phase);

// The turn's end has something to do for it.
void link_touch(struct link *link);

// Its timer fires then (life.h); its input is gone on with then.
void link_set_timer(struct link *link, int seconds);
void link_go_on(struct link *link, int ms);

struct link *link_find(struct mush *mush, uint64_t number);
struct link *link_find_id(struct mush *mush, const uint8_t *id);

// A player's connection, or one of them; NULL: it is not connected.
struct link *link_of(struct mush *mush, const struct object *player);

// Is the last line's work not finished when play_line returns?
bool link_is_pending(const struct link *link);

// What has been taken of the input is acted on, or the first n bytes of it.
void link_settle(struct link *link);
void link_settle_bytes(struct link *link, size_t n);

// How the input at n_done is to be understood (line.h): for the ledger and the reboot.
unsigned link_marks(const struct link *link);
void link_take_marks(struct link *link, unsigned marks);

// In the game; the others need not know whether it has come back yet.
static inline bool link_is_playing(const struct link *link)
{
    return link->phase == LINK_PLAYING || link->phase == LINK_AWAITED;
}

// Is it in the ledger?
static inline bool link_is_stored(const struct link *link)
{
    return link->player.has_id && link->mush->settings->resumes;
}

#endif
