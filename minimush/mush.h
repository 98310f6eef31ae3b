// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What all the game's parts share: the loop, the links to the players, the world.
#ifndef MINIMUSH_MUSH_H
#define MINIMUSH_MUSH_H

#include "settings.h"
#include "world.h"

#include <event2/event.h>
#include <stay.h>

#define MUSH_N_SIGNALS 4

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
    struct event *signals[MUSH_N_SIGNALS];
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

#endif
