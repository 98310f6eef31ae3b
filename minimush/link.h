// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One player's connection.
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
// The way of bytes, in and out (turn.h says when):
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

// ---- link.c: from the beginning to the end

// Takes the player over; fd -1: it gets no stream. NULL, the connection closed: no memory.
struct link *link_new(struct mush *mush, const struct stay_player *player);

// Frees it and closes the connection. Only for the turn's end and the game's.
void link_free(struct link *link);

struct link *link_find(struct mush *mush, uint64_t number);
struct link *link_find_id(struct mush *mush, const uint8_t *id);

// A connection has come that may be here already: when stayd's worker dies just while it joins a
// player to the game, the next worker does so again; or it was awaited. The newest counts; nobody
// sees the other go. Returns how many lines found no room in that one.
unsigned link_supersede(struct mush *mush, const struct stay_player *player);

// A new link without a stream waits for its player.
void link_await(struct link *link);

// A player's connection, or one of them; NULL: it is not connected.
struct link *link_of(struct mush *mush, const struct object *player);

// Ask for the password of NAME, and back.
void link_prompt(struct link *link, const char *name);
void link_end_prompt(struct link *link);

// A password is being hashed: until link_settle nothing more is taken.
void link_await_password(struct link *link);

// Back to LOGIN after a pause that grows with the failures, or out.
void link_reject(struct link *link);

// Into the game.
void link_enter(struct link *link, struct object *player);

// Back to LOGIN at once.
void link_resume_login(struct link *link);

void link_leave(struct link *link);

// Everything has gone out that could: LEAVING goes on.
void link_shut_if_flushed(struct link *link);

// The turn's end has something to do for it.
void link_touch(struct link *link);

// Is the last line's work not finished when play_line returns?
bool link_is_pending(const struct link *link);

// ---- input.c

// The stream has bytes; go on with the input in the loop's next turn.
void link_read(struct link *link);
void link_go_on(struct link *link);

// Do what there is to do.
void link_work(struct link *link);

// What has been taken of the input is acted on.
void link_settle(struct link *link);

unsigned link_marks(const struct link *link);
void link_take_marks(struct link *link, unsigned marks);

// ---- output.c

// One line of text; what does not fit is counted.
void link_tell(struct link *link, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void link_vtell(struct link *link, const char *fmt, va_list args);

// Text without the end of a line; bytes as they are.
void link_print(struct link *link, const char *text);
void link_send(struct link *link, const void *bytes, size_t n);

// Bytes of output that the player has not been sent.
size_t link_n_queued(const struct link *link);

// At the turn's end: before the commit, and after it.
void link_store(struct link *link);
void link_release(struct link *link);

// ---- keep.c: over the game's own reboot

// Note the player, with all that must not be lost. The turn's end has been.
bool link_keep(struct link *link);
struct link *link_restore(struct mush *mush, const struct stay_player *player);

// ---- resume.c: after the game's death

// n_lost: link_supersede's.
struct link *link_resume(struct mush *mush, const struct stay_player *player, unsigned n_lost);

// Wait for everybody who was playing and is not here yet.
void link_await_all(struct mush *mush);

// Leave with stayd what link_resume wants.
void link_leave_state(struct link *link);

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
