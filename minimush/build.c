// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Building: rooms, exits, things, and their end (commands.h). Errors: they are told.
#include "commands.h"

#include "match.h"
#include "output.h"
#include "text.h"

#include <string.h>
#include <strings.h>

// n_before: what the same command makes before this one.
static bool may_make(struct link *link, const char *name, size_t n_before)
{
    if (!world_is_name(name)) {
        link_tell(link,
                  "A name has 1 to %u bytes, none of = [ ], and does not begin with a sign;"
                  " more names go behind ; as in north;n",
                  WORLD_NAME_BYTES - 1);
        return false;
    }
    if (!world_is_wizard(link->self) &&
        world_count(link->mush->world, link->self->id) + n_before >= WORLD_QUOTA) {
        link_tell(link, "You own %u objects, and that is the limit; @destroy some first.",
                  WORLD_QUOTA);
        return false;
    }
    return true;
}

static void open_exit(struct link *link, const char *name, struct object *from, struct object *to)
{
    const struct object *exit =
        world_make(link->mush->world, WORLD_EXIT, name, link->self->id, from, to);
    link_tell(link, "Exit %s (#%lld) leads from %s to %s.", world_name(exit).text,
              (long long)exit->id, world_name(from).text,
              to ? world_name(to).text : "nowhere yet; @link it");
}

static bool may_open_here(struct link *link)
{
    bool may_open = world_controls(link->self, link->self->place);
    if (!may_open)
        link_tell(link, "This room is not yours, so you cannot open exits in it."
                        " Build from one of your own: @dig NAME, then @link me=#NUMBER and home;"
                        " there @open out=#1 is the way back.");
    return may_open;
}

// @dig ROOM[=EXIT THERE[,EXIT BACK]]
void do_dig(struct link *link, char *args)
{
    char *there = text_cut(args);
    char *back = there ? strchr(there, ',') : NULL;
    if (back) {
        *back++ = '\0';
        back = text_trim(back);
        there = text_trim(there);
    }
    bool has_exit = there && there[0] != '\0';
    if (args[0] == '\0') {
        link_tell(link, "@dig ROOM, or @dig ROOM=EXIT THERE,EXIT BACK");
        return;
    }
    if (!may_make(link, args, 0) ||
        (has_exit && (!may_open_here(link) || !may_make(link, there, 1))) ||
        (back && back[0] != '\0' && !may_make(link, back, 2)))
        return;
    struct object *room =
        world_make(link->mush->world, WORLD_ROOM, args, link->self->id, NULL, NULL);
    link_tell(link, "Room %s is #%lld.", world_name(room).text, (long long)room->id);
    if (has_exit)
        open_exit(link, there, link->self->place, room);
    if (back && back[0] != '\0')
        open_exit(link, back, room, link->self->place);
}

// The room that an exit is to lead to, or that is to be a home.
static struct object *find_room(struct link *link, const char *name)
{
    struct object *room =
        strcasecmp(name, "home") == 0 ? link->self->target : match_any(link, name);
    if (room && !world_may_link(link->mush->world, link->self, room)) {
        link_tell(link, "%s is not a room that you may lead to; its owner can @set it LINK_OK.",
                  world_name(room).text);
        return NULL;
    }
    return room;
}

void do_open(struct link *link, char *args)
{
    char *to = text_cut(args);
    struct object *room = NULL;
    if (args[0] == '\0') {
        link_tell(link, "@open EXIT=#ROOM");
        return;
    }
    if (!may_open_here(link) || !may_make(link, args, 0))
        return;
    if (to && to[0] != '\0') {
        room = find_room(link, to);
        if (!room)
            return;
    }
    open_exit(link, args, link->self->place, room);
}

void do_link(struct link *link, char *args)
{
    char *to = text_cut(args);
    if (!to || args[0] == '\0') {
        link_tell(link, "@link EXIT=#ROOM, or @link me=#ROOM for your home");
        return;
    }
    struct object *object = match_own(link, args);
    if (object && to[0] == '\0' && object->kind == WORLD_EXIT) {
        link_tell(link, "@link EXIT=#ROOM; @unlink EXIT takes it away");
        return;
    }
    struct object *room = !object         ? NULL
                          : to[0] == '\0' ? world_start(link->mush->world)
                                          : find_room(link, to);
    if (!room)
        return;
    if (object->kind == WORLD_ROOM) {
        link_tell(link, "A room cannot be linked; exits, things and players can.");
        return;
    }
    world_link(link->mush->world, object, room);
    link_tell(link, object->kind == WORLD_EXIT ? "%s leads to %s now." : "%s has its home in %s.",
              world_name(object).text, world_name(room).text);
}

void do_unlink(struct link *link, char *args)
{
    struct object *exit = match_own(link, text_trim(args));
    if (!exit)
        return;
    if (exit->kind != WORLD_EXIT) {
        link_tell(link, "Only exits can be unlinked.");
        return;
    }
    world_link(link->mush->world, exit, NULL);
    link_tell(link, "%s leads nowhere now.", world_name(exit).text);
}

void do_create(struct link *link, char *args)
{
    char *name = text_trim(args);
    if (!may_make(link, name, 0))
        return;
    struct object *home = link->self->target ? link->self->target : world_start(link->mush->world);
    const struct object *thing =
        world_make(link->mush->world, WORLD_THING, name, link->self->id, link->self, home);
    link_tell(link, "You make %s (#%lld), and hold it.", world_name(thing).text,
              (long long)thing->id);
}

static bool is_safe(struct link *link, const struct object *object, const char *sure)
{
    if (object->kind == WORLD_PLAYER) {
        link_tell(link, "Players cannot be destroyed.");
        return false;
    }
    if (object == world_start(link->mush->world)) {
        link_tell(link, "New players come in here; this room must stay.");
        return false;
    }
    for (struct link *other = link->mush->first; other; other = other->next) {
        if (link_is_playing(other) && other->self->place == object) {
            link_tell(link, "%s in there.", other == link ? "You are yourself" : "Somebody is");
            return false;
        }
    }
    if (object->kind == WORLD_ROOM && (!sure || strcasecmp(sure, "yes") != 0)) {
        link_tell(link,
                  "%s goes, and all exits from and to it; what is in it goes home. If that is"
                  " meant: @destroy #%lld=yes",
                  world_name(object).text, (long long)object->id);
        return false;
    }
    return true;
}

void do_destroy(struct link *link, char *args)
{
    char *sure = text_cut(args);
    struct object *object = match_own(link, args);
    if (!object || !is_safe(link, object, sure))
        return;
    link_tell(link, "%s (#%lld) is destroyed.", world_name(object).text, (long long)object->id);
    world_destroy(link->mush->world, object);
}
