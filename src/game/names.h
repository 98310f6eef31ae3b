// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Host names of players: reverse lookup without blocking, confirmed by a forward
// lookup (a name that does not lead back to the address is no name; of several the first one that
// does), cached, and bounded in number. Whoever wants a name asks again until it is in the
// cache.
//
// Errors: a name that cannot be had is "no name". No memory: likewise.
#ifndef STAYD_GAME_NAMES_H
#define STAYD_GAME_NAMES_H

#include "conf/conf.h"
#include <event2/event.h>

struct names;

#define NAMES_HOST_BYTES 128u // longest name kept, with its NUL

enum names_status {
    NAMES_PENDING, // ask again later
    NAMES_NONE,    // there is no confirmed name
    NAMES_FOUND,   // *host is the name, valid until the next call
};

// Letters, digits, '-', '_', '.', and not something that could be taken for an address: what a game
// shows and matches locks against. Only such a name is ever found.
bool names_is_host(const char *name);

// Called whenever a question was settled.
typedef void names_settled_fn(void *arg);

// NULL: names are off, or cannot be had (logged).
struct names *names_make(struct event_base *base, const struct conf *conf,
                         names_settled_fn *settled, void *arg);
void names_free(struct names *names);

// What is known of this address (16 bytes); starts a lookup if nothing is.
// names may be NULL.
enum names_status names_find(struct names *names, const uint8_t address[16], const char **host);

#endif
