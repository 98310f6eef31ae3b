// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Objects in memory and in the file (world.h). They stand in an array in the order of their
// numbers, which only grow, and in a list for each place. Errors: as in world.h.
#include "world.h"

#include "memory.h"
#include "schema.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct world {
    struct db db;
    char *path;
    struct object **objects;
    size_t n_objects;
    size_t n_room;
};

static void enter(struct object *object, struct object *place)
{
    object->place = place;
    object->next = NULL;
    if (place) {
        struct object **at = &place->first;
        while (*at)
            at = &(*at)->next;
        *at = object;
    }
}

static void leave(struct object *object)
{
    if (object->place) {
        struct object **at = &object->place->first;
        while (*at != object)
            at = &(*at)->next;
        *at = object->next;
    }
    object->place = NULL;
}

static struct object *add(struct world *world, int64_t id, enum world_kind kind, const char *name)
{
    struct object *object = must(calloc(1, sizeof *object));
    if (world->n_objects == world->n_room) {
        world->n_room = world->n_room > 0 ? 2 * world->n_room : 64;
        world->objects = must(realloc(world->objects, world->n_room * sizeof *world->objects));
    }
    world->objects[world->n_objects++] = object;
    object->id = id;
    object->kind = kind;
    object->name = must(strdup(name));
    object->description = must(strdup(""));
    return object;
}

static void load_objects(struct world *world)
{
    struct db *db = &world->db;
    sqlite3_stmt *row = db_ask(db,
                               "SELECT o.id, kind, name, description, owner, flags,"
                               " channels, doing FROM object o LEFT JOIN player p ON p.id = o.id"
                               " ORDER BY o.id",
                               "");
    while (db_next(db, row)) {
        struct object *object = add(world, sqlite3_column_int64(row, 0),
                                    (enum world_kind)sqlite3_column_int(row, 1), db_text(row, 2));
        replace(&object->description, db_text(row, 3));
        object->owner = sqlite3_column_int64(row, 4);
        object->flags = (unsigned)sqlite3_column_int(row, 5);
        object->channels = (uint64_t)sqlite3_column_int64(row, 6);
        snprintf(object->doing, sizeof object->doing, "%s", db_text(row, 7));
    }
    row = db_ask(db, "SELECT id, place, target FROM object ORDER BY id", "");
    while (db_next(db, row)) {
        struct object *object = world_get(world, sqlite3_column_int64(row, 0));
        enter(object, world_get(world, sqlite3_column_int64(row, 1)));
        object->target = world_get(world, sqlite3_column_int64(row, 2));
        if (!object->place && object->kind != WORLD_ROOM)
            enter(object, world_start(world)); // never lost, whatever was done to the file
    }
}

struct world *world_open(const char *path)
{
    struct world *world = must(calloc(1, sizeof *world));
    world->path = must(strdup(path));
    if (!db_open(&world->db, world->path) || !schema_update(&world->db)) {
        world_close(world);
        return NULL;
    }
    load_objects(world);
    return world;
}

void world_close(struct world *world)
{
    for (size_t i = 0; i < world->n_objects; i++) {
        free(world->objects[i]->name);
        free(world->objects[i]->description);
        free(world->objects[i]);
    }
    free(world->objects);
    db_close(&world->db);
    free(world->path);
    free(world);
}

struct db *world_db(struct world *world)
{
    return &world->db;
}

struct object *world_get(const struct world *world, int64_t id)
{
    size_t low = 0;
    size_t high = world->n_objects;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (world->objects[middle]->id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low < world->n_objects && world->objects[low]->id == id ? world->objects[low] : NULL;
}

struct object *world_at(const struct world *world, size_t i)
{
    return i < world->n_objects ? world->objects[i] : NULL;
}

struct object *world_start(const struct world *world)
{
    size_t i = 0;
    while (i + 1 < world->n_objects && world->objects[i]->kind != WORLD_ROOM)
        i++;
    return world->objects[i];
}

bool world_has_players(const struct world *world)
{
    for (size_t i = 0; i < world->n_objects; i++)
        if (world->objects[i]->kind == WORLD_PLAYER)
            return true;
    return false;
}

struct object *world_find_player(const struct world *world, const char *name)
{
    for (size_t i = 0; i < world->n_objects; i++) {
        struct object *object = world->objects[i];
        if (object->kind == WORLD_PLAYER && strcasecmp(object->name, name) == 0)
            return object;
    }
    return NULL;
}

struct object *world_find_exit(const struct object *room, const char *name)
{
    struct object *object = room->first;
    while (object && (object->kind != WORLD_EXIT || !world_is_called(object, name, false)))
        object = object->next;
    return object;
}

bool world_is_called(const struct object *object, const char *name, bool is_part)
{
    size_t n = strlen(name);
    for (const char *at = object->name; n > 0 && *at != '\0';) {
        size_t n_one = strcspn(at, ";");
        if (n <= n_one && (is_part || n == n_one) && strncasecmp(at, name, n) == 0)
            return true;
        at += n_one + (at[n_one] == ';' ? 1 : 0);
    }
    return false;
}

struct world_name world_name(const struct object *object)
{
    struct world_name name;
    snprintf(name.text, sizeof name.text, "%.*s", (int)strcspn(object->name, ";"), object->name);
    return name;
}

bool world_is_player_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("-_'", name[i]))
            return false;
    return n >= 1 && n < WORLD_PLAYER_NAME_BYTES && isalpha((unsigned char)name[0]);
}

// Not what commands take for something else: "#12", "me", "a=b", "!flag".
bool world_is_name(const char *name)
{
    static const char *const taken[] = {"me", "here", "home"};
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcasecmp(name, taken[i]) == 0)
            return false;
    size_t n = strlen(name);
    return n >= 1 && n < WORLD_NAME_BYTES && !strpbrk(name, "=[]") &&
           !strchr("#!*;:\"+@", name[0]) && name[n - 1] != ';' && !strstr(name, ";;");
}

struct object *world_make(struct world *world, enum world_kind kind, const char *name,
                          int64_t owner, struct object *place, struct object *target)
{
    if (db_do(&world->db,
              "INSERT INTO object (kind, name, owner, place, target) VALUES (?, ?, ?, ?, ?)",
              "isiii", (int64_t)kind, name, owner, place ? place->id : (int64_t)0,
              target ? target->id : (int64_t)0) == DB_TAKEN)
        return NULL;
    struct object *object = add(world, sqlite3_last_insert_rowid(world->db.file), kind, name);
    object->owner = owner;
    object->target = target;
    enter(object, place);
    return object;
}

void world_move(struct world *world, struct object *object, struct object *place)
{
    leave(object);
    enter(object, place);
    db_do(&world->db, "UPDATE object SET place = ? WHERE id = ?", "ii", place->id, object->id);
}

void world_link(struct world *world, struct object *object, struct object *target)
{
    object->target = target;
    db_do(&world->db, "UPDATE object SET target = ? WHERE id = ?", "ii",
          target ? target->id : (int64_t)0, object->id);
}

void world_describe(struct world *world, struct object *object, const char *text)
{
    replace(&object->description, text);
    db_do(&world->db, "UPDATE object SET description = ? WHERE id = ?", "si", text, object->id);
}

bool world_rename(struct world *world, struct object *object, const char *name)
{
    if (db_do(&world->db, "UPDATE object SET name = ? WHERE id = ?", "si", name, object->id) ==
        DB_TAKEN)
        return false;
    replace(&object->name, name);
    return true;
}

void world_set_flags(struct world *world, struct object *object, unsigned flags)
{
    object->flags = flags;
    db_do(&world->db, "UPDATE object SET flags = ? WHERE id = ?", "ii", (int64_t)flags, object->id);
}

void world_set_channels(struct world *world, struct object *player, uint64_t channels)
{
    player->channels = channels;
    db_do(&world->db, "UPDATE player SET channels = ? WHERE id = ?", "ii", (int64_t)channels,
          player->id);
}

void world_set_doing(struct world *world, struct object *player, const char *doing)
{
    snprintf(player->doing, sizeof player->doing, "%s", doing);
    db_do(&world->db, "UPDATE player SET doing = ? WHERE id = ?", "si", player->doing, player->id);
}

static void take_out(struct world *world, struct object *object)
{
    leave(object);
    db_do(&world->db, "DELETE FROM object WHERE id = ?", "i", object->id);
    size_t i = 0;
    while (world->objects[i] != object)
        i++;
    world->n_objects--;
    memmove(&world->objects[i], &world->objects[i + 1],
            (world->n_objects - i) * sizeof *world->objects);
    free(object->name);
    free(object->description);
    free(object);
}

// Something else has the object for its target: an exit goes with it, everybody else's home is then
// the start.
static void forget_target(struct world *world, const struct object *target)
{
    for (size_t i = 0; i < world->n_objects;) {
        struct object *object = world->objects[i];
        if (object->target == target && object->kind == WORLD_EXIT) {
            take_out(world, object);
            i = 0;
            continue;
        }
        if (object->target == target)
            world_link(world, object, world_start(world));
        i++;
    }
}

void world_destroy(struct world *world, struct object *object)
{
    forget_target(world, object);
    while (object->first) {
        struct object *inside = object->first;
        if (inside->kind == WORLD_EXIT)
            take_out(world, inside);
        else
            world_move(world, inside, inside->target ? inside->target : world_start(world));
    }
    take_out(world, object);
}

size_t world_count(const struct world *world, int64_t owner)
{
    size_t n = 0;
    for (size_t i = 0; i < world->n_objects; i++) {
        const struct object *object = world->objects[i];
        n += owner == 0 || (object->owner == owner && object->id != owner) ? 1 : 0;
    }
    return n;
}

bool world_is_wizard(const struct object *player)
{
    return (player->flags & WORLD_WIZARD) != 0;
}

bool world_controls(const struct object *player, const struct object *object)
{
    return world_is_wizard(player) || object == player ||
           (object->owner == player->id && object->kind != WORLD_PLAYER);
}

bool world_may_link(const struct world *world, const struct object *player,
                    const struct object *room)
{
    return room->kind == WORLD_ROOM &&
           (room == world_start(world) || (room->flags & WORLD_LINK_OK) != 0 ||
            world_controls(player, room));
}
