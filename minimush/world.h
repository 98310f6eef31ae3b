// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What lasts: rooms, exits, characters and sitelocks, in one SQLite file. Rooms, exits and
// sitelocks are also held in memory and read from there; whatever changes is in the file
// before the call returns.
//
// Errors: false or WORLD_FAILED, after a line on stderr: the game goes on and the player is told.
#ifndef MINIMUSH_WORLD_H
#define MINIMUSH_WORLD_H

#include "password.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define WORLD_NAME_BYTES 21u // of a character, NUL included

struct world;

struct exit {
    char *name;
    char *alias; // "" without any
    int64_t target;
};

struct room {
    int64_t id;
    char *name;
    char *description;
    struct exit *exits;
    size_t n_exits;
};

struct character {
    int64_t id;
    char name[WORLD_NAME_BYTES];
    bool is_wizard;
    int64_t room;
};

enum world_status { WORLD_DONE, WORLD_NONE, WORLD_TAKEN, WORLD_FAILED };

// Opens the file, and makes a small world in it when it is new. NULL: words are on stderr.
struct world *world_open(const char *path);
void world_close(struct world *world);

// Never NULL: an id that is not known is the first room.
const struct room *world_room(const struct world *world, int64_t id);

// By name or alias, in any case; NULL: no such exit.
const struct exit *world_find_exit(const struct room *room, const char *name);

bool world_has_characters(const struct world *world);
bool world_is_name(const char *name);

// WORLD_DONE, WORLD_NONE (no such character) or WORLD_FAILED.
enum world_status world_find(struct world *world, const char *name, struct character *character,
                             char hash[PASSWORD_HASH_BYTES]);
enum world_status world_load(struct world *world, int64_t id, struct character *character);

// The very first character becomes the wizard. WORLD_DONE, WORLD_TAKEN or WORLD_FAILED.
enum world_status world_create(struct world *world, const char *name, const char *hash,
                               struct character *character);

// Move it, here and in the file.
void world_move(struct world *world, struct character *character, int64_t room);

// The pattern that shuts this player out, or NULL.
const char *world_sitelock(const struct world *world, const struct sockaddr_storage *sockaddr,
                           const char *address, const char *host);

// The i-th pattern, or NULL behind the last.
const char *world_sitelock_at(const struct world *world, size_t i);
enum world_status world_add_sitelock(struct world *world, const char *pattern, const char *by);
enum world_status world_remove_sitelock(struct world *world, const char *pattern);

#endif
