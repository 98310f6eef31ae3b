// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From a name to the object that a player means (match.h). A whole name goes before the beginning of
// one, and what is in hand before what is in the room. Errors: they are told.
#include "match.h"

#include "output.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HELD = 1, HERE = 2, EXITS = 4 };

struct search {
    const char *name;
    struct object *found;
    unsigned n_found;
};

static void search_list(struct search *search, struct object *first, bool is_part, bool with_exits)
{
    for (struct object *object = first; object; object = object->next) {
        if ((object->kind != WORLD_EXIT || with_exits) &&
            world_is_called(object, search->name, is_part)) {
            search->found = object;
            search->n_found++;
        }
    }
}

static struct object *search(struct link *link, const char *name, unsigned where)
{
    struct search search = {.name = name};
    for (int is_part = 0; is_part <= 1 && search.n_found == 0; is_part++) {
        if ((where & HELD) != 0)
            search_list(&search, link->self->first, is_part != 0, false);
        if ((where & HERE) != 0 && search.n_found == 0)
            search_list(&search, link->self->place->first, is_part != 0, (where & EXITS) != 0);
    }
    if (search.n_found == 0)
        link_tell(link, "You do not see that here.");
    else if (search.n_found > 1)
        link_tell(link, "Which %s do you mean? Give more of its name.", name);
    return search.n_found == 1 ? search.found : NULL;
}

// "#12": what is near, or one's own; wizards see everything.
static struct object *by_number(struct link *link, const char *digits)
{
    const struct object *self = link->self;
    struct object *object = world_get(link->mush->world, strtoll(digits, NULL, 10));
    bool is_near =
        object && (object == self->place || object->place == self->place || object->place == self ||
                   world_controls(self, object) || world_may_link(link->mush->world, self, object));
    if (!is_near)
        link_tell(link, "There is no #%s that you could see or change.", digits);
    return is_near ? object : NULL;
}

struct object *match_any(struct link *link, const char *name)
{
    if (strcasecmp(name, "me") == 0)
        return link->self;
    if (strcasecmp(name, "here") == 0)
        return link->self->place;
    if (name[0] == '#' && name[1] != '\0' && name[1 + strspn(name + 1, "0123456789")] == '\0')
        return by_number(link, name + 1);
    if (name[0] == '*') {
        struct object *player = world_find_player(link->mush->world, name + 1);
        if (!player)
            link_tell(link, "There is no player %s.", name + 1);
        return player;
    }
    return search(link, name, HELD | HERE | EXITS);
}

struct object *match_own(struct link *link, const char *name)
{
    struct object *object = match_any(link, name);
    if (object && !world_controls(link->self, object)) {
        link_tell(link, "%s is not yours to change.", world_name(object).text);
        return NULL;
    }
    return object;
}

struct object *match_held(struct link *link, const char *name)
{
    return search(link, name, HELD);
}

struct object *match_here(struct link *link, const char *name)
{
    return search(link, name, HERE);
}
