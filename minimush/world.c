// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The world's file (world.h). The journal is a write-ahead log, so a write waits for no disk; what
// the machine's own failure can take is the last moment, never the file.
//
// Errors: said on stderr by `failed`, once a call.
#include "world.h"

#include "scenery.h"
#include "sitelock.h"
#include <ctype.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { BUSY_MS = 2000 };

struct world {
    sqlite3 *file;
    struct room *rooms;
    size_t n_rooms;
    char **sitelocks;
    size_t n_sitelocks;
    bool has_characters;
};

static void *must(void *memory)
{
    if (memory == NULL) {
        fprintf(stderr, "minimush: no memory\n");
        abort();
    }
    return memory;
}

static enum world_status failed(struct world *world, const char *what)
{
    fprintf(stderr, "minimush: world: %s: %s\n", what, sqlite3_errmsg(world->file));
    return WORLD_FAILED;
}

// Prepare sql and bind: 'i' takes an int64_t, 's' a string. NULL: failed.
static sqlite3_stmt *prepare(struct world *world, const char *sql, const char *kinds, ...)
{
    sqlite3_stmt *statement;
    if (sqlite3_prepare_v2(world->file, sql, -1, &statement, NULL) != SQLITE_OK) {
        failed(world, sql);
        return NULL;
    }
    va_list args;
    va_start(args, kinds);
    for (int i = 0; kinds[i] != '\0'; i++) {
        if (kinds[i] == 'i') {
            sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
        } else {
            sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
        }
    }
    va_end(args);
    return statement;
}

// Run a statement that gives no rows, and finish it. The result is SQLite's.
static int run(sqlite3_stmt *statement)
{
    int result = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
    sqlite3_finalize(statement);
    return result;
}

static char *text_at(sqlite3_stmt *statement, int column)
{
    const unsigned char *text = sqlite3_column_text(statement, column);
    return must(strdup(text != NULL ? (const char *)text : ""));
}

static bool load_exits(struct world *world, struct room *room)
{
    sqlite3_stmt *statement = prepare(
        world, "SELECT name, alias, target FROM exit WHERE room = ? ORDER BY id", "i", room->id);
    while (statement != NULL && sqlite3_step(statement) == SQLITE_ROW) {
        room->exits = must(realloc(room->exits, (room->n_exits + 1) * sizeof *room->exits));
        room->exits[room->n_exits++] = (struct exit){.name = text_at(statement, 0),
                                                     .alias = text_at(statement, 1),
                                                     .target = sqlite3_column_int64(statement, 2)};
    }
    return statement != NULL && sqlite3_finalize(statement) == SQLITE_OK;
}

static bool load_rooms(struct world *world)
{
    sqlite3_stmt *statement =
        prepare(world, "SELECT id, name, description FROM room ORDER BY id", "");
    while (statement != NULL && sqlite3_step(statement) == SQLITE_ROW) {
        world->rooms = must(realloc(world->rooms, (world->n_rooms + 1) * sizeof *world->rooms));
        struct room *room = &world->rooms[world->n_rooms++];
        *room = (struct room){.id = sqlite3_column_int64(statement, 0),
                              .name = text_at(statement, 1),
                              .description = text_at(statement, 2)};
        if (!load_exits(world, room)) {
            break;
        }
    }
    return statement != NULL && sqlite3_finalize(statement) == SQLITE_OK && world->n_rooms > 0;
}

static void hold_sitelock(struct world *world, const char *pattern)
{
    world->sitelocks =
        must(realloc(world->sitelocks, (world->n_sitelocks + 1) * sizeof *world->sitelocks));
    world->sitelocks[world->n_sitelocks++] = must(strdup(pattern));
}

static bool load_sitelocks(struct world *world)
{
    sqlite3_stmt *statement = prepare(world, "SELECT pattern FROM sitelock ORDER BY pattern", "");
    while (statement != NULL && sqlite3_step(statement) == SQLITE_ROW) {
        hold_sitelock(world, (const char *)sqlite3_column_text(statement, 0));
    }
    return statement != NULL && sqlite3_finalize(statement) == SQLITE_OK;
}

static bool load_characters(struct world *world)
{
    sqlite3_stmt *statement = prepare(world, "SELECT EXISTS (SELECT 1 FROM character)", "");
    if (statement != NULL && sqlite3_step(statement) == SQLITE_ROW) {
        world->has_characters = sqlite3_column_int(statement, 0) != 0;
    }
    return statement != NULL && sqlite3_finalize(statement) == SQLITE_OK;
}

struct world *world_open(const char *path)
{
    struct world *world = must(calloc(1, sizeof *world));
    if (sqlite3_open(path, &world->file) != SQLITE_OK) {
        failed(world, path);
        world_close(world);
        return NULL;
    }
    sqlite3_busy_timeout(world->file, BUSY_MS);
    if (sqlite3_exec(world->file, scenery_sql, NULL, NULL, NULL) != SQLITE_OK) {
        failed(world, path);
        world_close(world);
        return NULL;
    }
    if (!load_rooms(world) || !load_sitelocks(world) || !load_characters(world)) {
        failed(world, path);
        world_close(world);
        return NULL;
    }
    return world;
}

void world_close(struct world *world)
{
    for (size_t i = 0; i < world->n_rooms; i++) {
        struct room *room = &world->rooms[i];
        for (size_t j = 0; j < room->n_exits; j++) {
            free(room->exits[j].name);
            free(room->exits[j].alias);
        }
        free(room->exits);
        free(room->name);
        free(room->description);
    }
    for (size_t i = 0; i < world->n_sitelocks; i++) {
        free(world->sitelocks[i]);
    }
    free(world->rooms);
    free(world->sitelocks);
    sqlite3_close(world->file);
    free(world);
}

const struct room *world_room(const struct world *world, int64_t id)
{
    for (size_t i = 0; i < world->n_rooms; i++) {
        if (world->rooms[i].id == id) {
            return &world->rooms[i];
        }
    }
    return &world->rooms[0];
}

const struct exit *world_find_exit(const struct room *room, const char *name)
{
    for (size_t i = 0; i < room->n_exits && name[0] != '\0'; i++) {
        const struct exit *exit = &room->exits[i];
        if (strcasecmp(exit->name, name) == 0 || strcasecmp(exit->alias, name) == 0) {
            return exit;
        }
    }
    return NULL;
}

bool world_has_characters(const struct world *world)
{
    return world->has_characters;
}

bool world_is_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)name[i]) && strchr("-_'", name[i]) == NULL) {
            return false;
        }
    }
    return n >= 1 && n < WORLD_NAME_BYTES && isalpha((unsigned char)name[0]);
}

static enum world_status take_character(struct world *world, sqlite3_stmt *statement,
                                        struct character *character, char *hash)
{
    int result = statement != NULL ? sqlite3_step(statement) : SQLITE_ERROR;
    if (result == SQLITE_ROW) {
        *character = (struct character){.id = sqlite3_column_int64(statement, 0),
                                        .is_wizard = sqlite3_column_int(statement, 2) != 0,
                                        .room = sqlite3_column_int64(statement, 3)};
        snprintf(character->name, sizeof character->name, "%s",
                 (const char *)sqlite3_column_text(statement, 1));
        if (hash != NULL) {
            snprintf(hash, PASSWORD_HASH_BYTES, "%s",
                     (const char *)sqlite3_column_text(statement, 4));
        }
    }
    sqlite3_finalize(statement);
    return result == SQLITE_ROW    ? WORLD_DONE
           : result == SQLITE_DONE ? WORLD_NONE
                                   : failed(world, "character");
}

enum world_status world_find(struct world *world, const char *name, struct character *character,
                             char hash[PASSWORD_HASH_BYTES])
{
    return take_character(
        world,
        prepare(world, "SELECT id, name, is_wizard, room, hash FROM character WHERE name = ?", "s",
                name),
        character, hash);
}

enum world_status world_load(struct world *world, int64_t id, struct character *character)
{
    return take_character(
        world,
        prepare(world, "SELECT id, name, is_wizard, room FROM character WHERE id = ?", "i", id),
        character, NULL);
}

enum world_status world_create(struct world *world, const char *name, const char *hash,
                               struct character *character)
{
    int result = run(prepare(world,
                             "INSERT INTO character (name, hash, is_wizard, room) VALUES "
                             "(?, ?, NOT EXISTS (SELECT 1 FROM character), ?)",
                             "ssi", name, hash, world->rooms[0].id));
    if (result == SQLITE_CONSTRAINT) {
        return WORLD_TAKEN;
    }
    if (result != SQLITE_DONE) {
        return failed(world, "create");
    }
    world->has_characters = true;
    return world_load(world, sqlite3_last_insert_rowid(world->file), character);
}

void world_move(struct world *world, struct character *character, int64_t room)
{
    character->room = room;
    if (run(prepare(world, "UPDATE character SET room = ? WHERE id = ?", "ii", room,
                    character->id)) != SQLITE_DONE) {
        failed(world, "move");
    }
}

const char *world_sitelock(const struct world *world, const struct sockaddr_storage *sockaddr,
                           const char *address, const char *host)
{
    for (size_t i = 0; i < world->n_sitelocks; i++) {
        if (sitelock_matches(world->sitelocks[i], sockaddr, address, host)) {
            return world->sitelocks[i];
        }
    }
    return NULL;
}

const char *world_sitelock_at(const struct world *world, size_t i)
{
    return i < world->n_sitelocks ? world->sitelocks[i] : NULL;
}

enum world_status world_add_sitelock(struct world *world, const char *pattern, const char *by)
{
    int result = run(prepare(world, "INSERT INTO sitelock (pattern, added_by) VALUES (?, ?)", "ss",
                             pattern, by));
    if (result == SQLITE_CONSTRAINT) {
        return WORLD_TAKEN;
    }
    if (result != SQLITE_DONE) {
        return failed(world, "sitelock");
    }
    hold_sitelock(world, pattern);
    return WORLD_DONE;
}

enum world_status world_remove_sitelock(struct world *world, const char *pattern)
{
    size_t i = 0;
    while (i < world->n_sitelocks && strcasecmp(world->sitelocks[i], pattern) != 0) {
        i++;
    }
    if (i == world->n_sitelocks) {
        return WORLD_NONE;
    }
    if (run(prepare(world, "DELETE FROM sitelock WHERE pattern = ?", "s", pattern)) !=
        SQLITE_DONE) {
        return failed(world, "sitelock");
    }
    free(world->sitelocks[i]);
    world->sitelocks[i] = world->sitelocks[--world->n_sitelocks];
    return WORLD_DONE;
}
