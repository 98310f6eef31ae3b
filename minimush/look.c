// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Seeing: look, examine, inventory (look.h). Errors: they are told.
#include "look.h"

#include "commands.h"
#include "flags.h"
#include "match.h"
#include "output.h"
#include "text.h"

#include <stdio.h>
#include <string.h>

static bool is_seen(const struct link *link, const struct object *object)
{
    return (object->flags & WORLD_DARK) == 0 || object == link->self;
}

// "lantern, mug"; "" when there is nothing.
static void list(const struct link *link, const struct object *first, enum world_kind kind,
                 char *out, size_t out_size)
{
    size_t n = 0;
    out[0] = '\0';
    for (const struct object *object = first; object; object = object->next)
        if (object->kind == kind && is_seen(link, object) && n + WORLD_NAME_BYTES + 6 < out_size)
            n += (size_t)snprintf(out + n, out_size - n, "%s%s", n > 0 ? ", " : "",
                                  world_name(object).text);
}

static void tell_name(struct link *link, const struct object *object)
{
    if (world_controls(link->self, object))
        link_tell(link, "%s (#%lld)", world_name(object).text, (long long)object->id);
    else
        link_tell(link, "%s", world_name(object).text);
}

static void tell_description(struct link *link, const struct object *object)
{
    link_tell(link, "%s",
              object->description[0] != '\0' ? object->description
                                             : "You see nothing special about it.");
}

static void look_at_room(struct link *link, const struct object *room)
{
    char names[1024];
    tell_name(link, room);
    if (room->description[0] != '\0')
        link_tell(link, "%s", room->description);
    list(link, room->first, WORLD_THING, names, sizeof names);
    if (names[0] != '\0')
        link_tell(link, "You see: %s", names);
    for (struct link *other = link->mush->first; other; other = other->next)
        if (other != link && link_is_playing(other) && other->self->place == room &&
            is_seen(link, other->self))
            link_tell(link, "%s is here.", other->self->name);
    list(link, room->first, WORLD_EXIT, names, sizeof names);
    link_tell(link, "Exits: %s", names[0] != '\0' ? names : "none");
}

void look_around(struct link *link)
{
    look_at_room(link, link->self->place);
}

static void look_at(struct link *link, const struct object *object)
{
    char names[1024];
    switch (object->kind) {
    case WORLD_ROOM:
        look_at_room(link, object);
        break;
    case WORLD_EXIT:
        tell_name(link, object);
        if (object->description[0] != '\0')
            link_tell(link, "%s", object->description);
        if (object->target)
            link_tell(link, "That way lies %s.", world_name(object->target).text);
        else
            link_tell(link, "It leads nowhere yet.");
        break;
    case WORLD_THING:
        tell_name(link, object);
        tell_description(link, object);
        break;
    case WORLD_PLAYER:
        tell_name(link, object);
        tell_description(link, object);
        list(link, object->first, WORLD_THING, names, sizeof names);
        if (names[0] != '\0')
            link_tell(link, "Carrying: %s", names);
        if (!link_of(link->mush, object))
            link_tell(link, "%s is asleep.", object->name);
        break;
    }
}

void do_look(struct link *link, char *args)
{
    char *name = text_trim(args);
    if (strncasecmp(name, "at ", 3) == 0)
        name = text_trim(name + 3);
    const struct object *object = name[0] != '\0' ? match_any(link, name) : link->self->place;
    if (object)
        look_at(link, object);
}

static const char *kind_word(const struct object *object)
{
    static const char *const words[] = {[WORLD_ROOM] = "room",
                                        [WORLD_THING] = "thing",
                                        [WORLD_EXIT] = "exit",
                                        [WORLD_PLAYER] = "player"};
    return words[object->kind];
}

static void tell_place(struct link *link, const char *what, const struct object *place)
{
    if (place)
        link_tell(link, "%s: %s (#%lld)", what, world_name(place).text, (long long)place->id);
}

void do_examine(struct link *link, char *args)
{
    char *name = text_trim(args);
    const struct object *object = name[0] != '\0' ? match_any(link, name) : link->self->place;
    if (!object)
        return;
    const struct object *owner = world_get(link->mush->world, object->owner);
    char flags[128];
    link_tell(link, "%s (#%lld), a %s", object->name, (long long)object->id, kind_word(object));
    link_tell(link, "Owner: %s",
              owner                          ? owner->name
              : object->kind == WORLD_PLAYER ? object->name
                                             : "the wizards");
    link_tell(link, "Flags: %s", flag_names(object->flags, flags, sizeof flags));
    tell_description(link, object);
    if (!world_controls(link->self, object))
        return;
    tell_place(link, object->kind == WORLD_EXIT ? "Leads out of" : "Is in", object->place);
    tell_place(link, object->kind == WORLD_EXIT ? "Leads to" : "Home", object->target);
    for (const struct object *inside = object->first; inside; inside = inside->next)
        link_tell(link, "In it: %s (#%lld), a %s", world_name(inside).text, (long long)inside->id,
                  kind_word(inside));
}

void do_inventory(struct link *link, char *args)
{
    char names[1024];
    (void)args;
    list(link, link->self->first, WORLD_THING, names, sizeof names);
    if (names[0] != '\0')
        link_tell(link, "You carry: %s", names);
    else
        link_tell(link, "You carry nothing.");
}
