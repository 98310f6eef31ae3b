// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The running game: one event loop, its links to the players, and what they share.
//
// Errors: while starting, false after words on stderr. Later nothing here fails but single links.
#ifndef MINIMUSH_MUSH_H
#define MINIMUSH_MUSH_H

#include "settings.h"
#include "world.h"

#include <event2/event.h>
#include <stay.h>

struct link;
struct passwords;

struct mush {
    struct settings *settings;
    char *program; // this one, absolute: what a reboot runs
    struct stay *stay;
    struct world *world;
    struct passwords *passwords;
    struct event_base *base;
    struct event *door;  // stay_fd is readable
    struct event *stop;  // the end: is everything said?
    struct event *sweep; // connections that are not there any more
    struct event *signals[4];
    struct link *first;
    struct link *last;
    struct link *touched; // these have something for the turn's end
    uint64_t n_links_ever;
    int64_t started_at; // seconds since 1970, of the first start
    int64_t begun_at;   // ... of this process
    int64_t n_reboots;
    int64_t resumed_at;  // ... of the last one who came back, or the beginning of waiting for them
    uint64_t n_refused;  // stay_counts
    unsigned n_restarts; // of stayd, said so far
    int64_t stop_at;     // seconds: the end's patience
    char reboot_by[WORLD_PLAYER_NAME_BYTES];
    bool has_gone;     // some link can be freed
    bool wants_reboot; // as soon as the turn is over
    bool is_stopping;
    bool is_over;
};

// Start with what settings say: takes up the players after a reboot, else starts stayd.
bool mush_start(struct mush *mush, struct settings *settings, char *program);

// Serve until the game is stopped.
void mush_run(struct mush *mush);

void mush_free(struct mush *mush);

// Begin the orderly end: everybody is told and let out, or with shutdown-holds kept for the next
// start; then mush_run returns.
void mush_stop(struct mush *mush, const char *by);

// Reboot as soon as this turn of the loop is over.
void mush_reboot(struct mush *mush, const char *by);

// Let the signals that the game knows wait, or come.
void mush_hold_signals(bool is_held);

// One line to everybody, or to everybody in the room but one. Only those who are playing.
void mush_tell_all(struct mush *mush, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void mush_tell_room(struct mush *mush, const struct object *room, const struct link *but,
                    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
// ... and to one player, on each of its connections. False: it has none.
bool mush_tell_player(struct mush *mush, const struct object *player, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
