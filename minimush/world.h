// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The objects of the world: rooms, things, exits, players. All of them are in memory and read from
// there; each change is made in the file as well, in the turn's transaction (db.h).
//
// An object is the world's. It lives until world_destroy, which nobody calls for a player.
//
// Errors: a name that is taken is told; the rest is db.h's.
#ifndef MINIMUSH_WORLD_H
#define MINIMUSH_WORLD_H

#include "db.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WORLD_NAME_BYTES 64u        // of rooms, things, exits; NUL included
#define WORLD_PLAYER_NAME_BYTES 21u // NUL included
#define WORLD_TEXT_BYTES 4001u      // a description; NUL included
#define WORLD_DOING_BYTES 41u
#define WORLD_QUOTA 100u // objects of a player who is no wizard

enum world_kind { WORLD_ROOM, WORLD_THING, WORLD_EXIT, WORLD_PLAYER }; // in the file

enum world_flag {      // in the file
    WORLD_DARK = 1,    // is not seen by who looks around
    WORLD_WIZARD = 2,  // may do everything
    WORLD_LINK_OK = 4, // everybody may link exits to this room, and make it their home
    WORLD_QUIET = 8,   // is not told when others connect and disconnect
    WORLD_FIXED = 16,  // stays where it is: only who controls it may pick it up
};

struct object {
    int64_t id;
    enum world_kind kind;
    char *name; // an exit's and a thing's: "north;n", what it is called and by what it also goes
    char *description;
    int64_t owner;         // 0: the wizards'
    struct object *place;  // what it is in; of an exit, the room that it leads out of
    struct object *target; // an exit's: where to, or NULL; a player's or thing's: its home
    unsigned flags;
    struct object *first; // of what is in it
    struct object *next;  // in the same place
    // Players:
    uint64_t channels; // a bit each
    char doing[WORLD_DOING_BYTES];
};

struct world;

// Opens the file, makes a small world when it is new, brings an older one up to date. NULL: words
// are on stderr.
struct world *world_open(const char *path);
void world_close(struct world *world);

struct db *world_db(struct world *world);

// NULL: there is none.
struct object *world_get(const struct world *world, int64_t id);

// The i-th object in the order of their numbers, or NULL behind the last.
struct object *world_at(const struct world *world, size_t i);

// Where new players come in: the first room. Never NULL.
struct object *world_start(const struct world *world);

bool world_has_players(const struct world *world);
struct object *world_find_player(const struct world *world, const char *name);

// An exit of that room by one of its names, in any case.
struct object *world_find_exit(const struct object *room, const char *name);

// Does the object go by this name? With is_part, its beginning is enough.
bool world_is_called(const struct object *object, const char *name, bool is_part);

// The first of its names.
struct world_name {
    char text[WORLD_NAME_BYTES];
};
struct world_name world_name(const struct object *object);

bool world_is_player_name(const char *name);
bool world_is_name(const char *name);

// NULL: a player of that name exists.
struct object *world_make(struct world *world, enum world_kind kind, const char *name,
                          int64_t owner, struct object *place, struct object *target);
void world_move(struct world *world, struct object *object, struct object *place);
void world_link(struct world *world, struct object *object, struct object *target);
void world_describe(struct world *world, struct object *object, const char *text);
bool world_rename(struct world *world, struct object *object, const char *name); // false: taken
void world_set_flags(struct world *world, struct object *object, unsigned flags);
void world_set_channels(struct world *world, struct object *player, uint64_t channels);
void world_set_doing(struct world *world, struct object *player, const char *doing);

// No player, and not the start. What is in a room goes home; its exits and those that lead to it
// go with it.
void world_destroy(struct world *world, struct object *object);

size_t world_count(const struct world *world, int64_t owner); // all of them if 0

bool world_is_wizard(const struct object *player);

// May the player change the object?
bool world_controls(const struct object *player, const struct object *object);

// May the player lead an exit to this room, or call it home?
bool world_may_link(const struct world *world, const struct object *player,
                    const struct object *room);

#endif
