// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Channels: +NAME TEXT and the @channel commands (channel.h). A player's channels are bits of one
// number, so there are CHANNEL_MOST of them at most. Errors: they are told.
#include "channel.h"

#include "commands.h"
#include "output.h"
#include "text.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define CHANNEL_MOST 32u
#define NAME_BYTES 21u

struct channel {
    int id;
    char name[NAME_BYTES];
};

// By the whole of its name, or the beginning. False: there is none; the player is told.
static bool find(struct link *link, const char *name, struct channel *channel)
{
    struct db *db = world_db(link->mush->world);
    bool is_found = false;
    if (name[0] != '\0') {
        sqlite3_stmt *row = db_ask(db,
                                   "SELECT id, name FROM channel"
                                   " WHERE substr(name, 1, length(?1)) = ?1 COLLATE NOCASE"
                                   " ORDER BY length(name) LIMIT 1",
                                   "s", name);
        while (db_next(db, row)) {
            is_found = true;
            channel->id = sqlite3_column_int(row, 0);
            snprintf(channel->name, sizeof channel->name, "%s", db_text(row, 1));
        }
    }
    if (!is_found)
        link_tell(link, "There is no channel %s; @channel/list shows them.", name);
    return is_found;
}

static bool is_on(const struct object *player, const struct channel *channel)
{
    return (player->channels >> channel->id & 1) != 0;
}

__attribute__((format(printf, 3, 4))) static void
tell(struct mush *mush, const struct channel *channel, const char *fmt, ...)
{
    for (struct link *link = mush->first; link; link = link->next) {
        if (link_is_playing(link) && is_on(link->self, channel)) {
            va_list args;
            va_start(args, fmt);
            link_vtell(link, fmt, args);
            va_end(args);
        }
    }
}

void channel_say(struct link *link, char *line)
{
    struct channel channel;
    char *text = text_split(line);
    const char *self = link->self->name;
    if (line[0] == '\0' || text[0] == '\0')
        link_tell(link, "+CHANNEL TEXT speaks on a channel, for example +public hello");
    else if (!find(link, line, &channel))
        return;
    else if (!is_on(link->self, &channel))
        link_tell(link, "You are not on %s; @channel/join %s", channel.name, channel.name);
    else if (text[0] == ':')
        tell(link->mush, &channel, "[%s] %s %s", channel.name, self, text + 1);
    else if (text[0] == ';')
        tell(link->mush, &channel, "[%s] %s%s", channel.name, self, text + 1);
    else
        tell(link->mush, &channel, "[%s] %s says, \"%s\"", channel.name, self, text);
}

void do_channel_list(struct link *link, char *args)
{
    struct db *db = world_db(link->mush->world);
    sqlite3_stmt *row = db_ask(db, "SELECT id, name FROM channel ORDER BY name", "");
    (void)args;
    while (db_next(db, row)) {
        struct channel channel = {.id = sqlite3_column_int(row, 0)};
        link_tell(link, "  %-20s %s", db_text(row, 1),
                  is_on(link->self, &channel) ? "joined" : "not joined");
    }
    link_tell(link, "+NAME TEXT speaks on one; @channel/join, /leave, /who NAME.");
}

static void set_on(struct link *link, const struct channel *channel, bool is_wanted)
{
    uint64_t bit = (uint64_t)1 << channel->id;
    uint64_t channels = link->self->channels;
    world_set_channels(link->mush->world, link->self, is_wanted ? channels | bit : channels & ~bit);
}

void do_channel_join(struct link *link, char *args)
{
    struct channel channel;
    if (!find(link, text_trim(args), &channel))
        return;
    if (is_on(link->self, &channel)) {
        link_tell(link, "You are on %s already.", channel.name);
        return;
    }
    set_on(link, &channel, true);
    tell(link->mush, &channel, "[%s] %s has joined.", channel.name, link->self->name);
}

void do_channel_leave(struct link *link, char *args)
{
    struct channel channel;
    if (!find(link, text_trim(args), &channel))
        return;
    if (!is_on(link->self, &channel)) {
        link_tell(link, "You are not on %s.", channel.name);
        return;
    }
    tell(link->mush, &channel, "[%s] %s has left.", channel.name, link->self->name);
    set_on(link, &channel, false);
}

void do_channel_who(struct link *link, char *args)
{
    struct channel channel;
    unsigned n = 0;
    if (!find(link, text_trim(args), &channel))
        return;
    for (struct link *other = link->mush->first; other; other = other->next) {
        if (link_is_playing(other) && is_on(other->self, &channel)) {
            link_tell(link, "  %s", other->self->name);
            n++;
        }
    }
    link_tell(link, "%u on %s.", n, channel.name);
}

static bool is_channel_name(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && name[i] != '-')
            return false;
    return n > 0 && n < NAME_BYTES;
}

void do_channel_add(struct link *link, char *args)
{
    struct db *db = world_db(link->mush->world);
    char *name = text_trim(args);
    int64_t id = -1;
    if (!is_channel_name(name)) {
        link_tell(link, "A channel's name has 1 to %u letters, digits and -.", NAME_BYTES - 1);
        return;
    }
    sqlite3_stmt *row =
        db_ask(db,
               "WITH RECURSIVE bit (id) AS (SELECT 0 UNION ALL SELECT id + 1 FROM bit WHERE"
               " id + 1 < ?) SELECT min(id) FROM bit WHERE id NOT IN (SELECT id FROM channel)",
               "i", (int64_t)CHANNEL_MOST);
    while (db_next(db, row))
        id = sqlite3_column_type(row, 0) != SQLITE_NULL ? sqlite3_column_int64(row, 0) : -1;
    if (id < 0)
        link_tell(link, "There are %u channels, and not more.", CHANNEL_MOST);
    else if (db_do(db, "INSERT INTO channel (id, name) VALUES (?, ?)", "is", id, name) == DB_TAKEN)
        link_tell(link, "There is a channel %s already.", name);
    else
        link_tell(link, "Channel %s is there; everybody can join it.", name);
}

void do_channel_remove(struct link *link, char *args)
{
    struct channel channel;
    struct world *world = link->mush->world;
    if (!find(link, text_trim(args), &channel))
        return;
    if (strcasecmp(channel.name, text_trim(args)) != 0) {
        link_tell(link, "Give the whole name: %s", channel.name);
        return;
    }
    tell(link->mush, &channel, "[%s] This channel is closed.", channel.name);
    db_do(world_db(world), "DELETE FROM channel WHERE id = ?", "i", (int64_t)channel.id);
    for (size_t i = 0; world_at(world, i); i++) {
        struct object *player = world_at(world, i);
        if (player->kind == WORLD_PLAYER && is_on(player, &channel))
            world_set_channels(world, player, player->channels & ~((uint64_t)1 << channel.id));
    }
}
