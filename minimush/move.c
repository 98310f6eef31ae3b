// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Moving oneself and things: exits, home, get, drop, give (move.h). Errors: they are told.
#include "move.h"

#include "commands.h"
#include "gmcp.h"
#include "look.h"
#include "match.h"
#include "output.h"
#include "text.h"

#include <strings.h>

#define MAX_HELD 50u

static void move_to(struct link *link, struct object *room)
{
    mush_tell_room(link->mush, room, link, "%s arrives.", link->self->name);
    world_move(link->mush->world, link->self, room);
    look_around(link);
    gmcp_send_room(link);
}

void move_by(struct link *link, struct object *exit)
{
    if (!exit->target) {
        link_tell(link, "That exit leads nowhere yet.");
        return;
    }
    mush_tell_room(link->mush, link->self->place, link, "%s goes %s.", link->self->name,
                   world_name(exit).text);
    move_to(link, exit->target);
}

void do_go(struct link *link, char *args)
{
    char *name = text_trim(args);
    struct object *exit = world_find_exit(link->self->place, name);
    if (exit)
        move_by(link, exit);
    else if (strcasecmp(name, "home") == 0)
        do_home(link, name);
    else
        link_tell(link, "There is no way out by that name. Exits are shown by look.");
}

void do_home(struct link *link, char *args)
{
    struct object *home = link->self->target;
    (void)args;
    if (!home || home == link->self->place) {
        link_tell(link, "You are at home.");
        return;
    }
    link_tell(link, "There is no place like home.");
    mush_tell_room(link->mush, link->self->place, link, "%s goes home.", link->self->name);
    move_to(link, home);
}

static unsigned n_held(const struct object *player)
{
    unsigned n = 0;
    for (const struct object *object = player->first; object; object = object->next)
        n++;
    return n;
}

void do_get(struct link *link, char *args)
{
    struct object *thing = match_here(link, text_trim(args));
    if (!thing)
        return;
    if (thing->kind != WORLD_THING) {
        link_tell(link, "Only things can be taken.");
    } else if ((thing->flags & WORLD_FIXED) != 0 && !world_controls(link->self, thing)) {
        link_tell(link, "It stays where it is.");
    } else if (n_held(link->self) >= MAX_HELD) {
        link_tell(link, "Your hands are full; drop something.");
    } else {
        world_move(link->mush->world, thing, link->self);
        link_tell(link, "You take %s.", world_name(thing).text);
        mush_tell_room(link->mush, link->self->place, link, "%s takes %s.", link->self->name,
                       world_name(thing).text);
    }
}

void do_drop(struct link *link, char *args)
{
    struct object *thing = match_held(link, text_trim(args));
    if (thing) {
        world_move(link->mush->world, thing, link->self->place);
        link_tell(link, "You drop %s.", world_name(thing).text);
        mush_tell_room(link->mush, link->self->place, link, "%s drops %s.", link->self->name,
                       world_name(thing).text);
    }
}

void do_give(struct link *link, char *args)
{
    char *what = text_cut(args);
    if (!what || what[0] == '\0') {
        link_tell(link, "Give whom what? give PLAYER=THING");
        return;
    }
    struct object *to = match_here(link, args);
    struct object *thing = to ? match_held(link, what) : NULL;
    if (!thing)
        return;
    if (to == link->self || !link_of(link->mush, to)) {
        link_tell(link, "Things can be given to somebody else who is awake.");
    } else if (n_held(to) >= MAX_HELD) {
        link_tell(link, "%s has no hand free.", to->name);
    } else {
        world_move(link->mush->world, thing, to);
        link_tell(link, "You give %s to %s.", world_name(thing).text, to->name);
        mush_tell_player(link->mush, to, "%s gives you %s.", link->self->name,
                         world_name(thing).text);
    }
}
