// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Changing objects: description, name, flags (commands.h). Errors: they are told.
#include "commands.h"

#include "flags.h"
#include "match.h"
#include "output.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

void do_describe(struct link *link, char *args)
{
    char *text = text_cut(args);
    if (!text) {
        link_tell(link, "@describe OBJECT=TEXT, for example @describe me=TEXT");
        return;
    }
    struct object *object = match_own(link, args);
    if (!object)
        return;
    if (strlen(text) >= WORLD_TEXT_BYTES) {
        link_tell(link, "That is too long: %zu bytes of at most %u.", strlen(text),
                  WORLD_TEXT_BYTES - 1);
        return;
    }
    world_describe(link->mush->world, object, text);
    link_tell(link, "%s is described.", world_name(object).text);
}

static bool is_good_name(struct link *link, const struct object *object, const char *name)
{
    if (object->kind == WORLD_PLAYER) {
        if (!world_is_wizard(link->self)) {
            link_tell(link, "Players are known by their names; ask a wizard to change yours.");
            return false;
        }
        if (!world_is_player_name(name)) {
            link_tell(link, "That is no name for a player.");
            return false;
        }
        return true;
    }
    if (!world_is_name(name)) {
        link_tell(link, "That is no name: 1 to %u bytes, none of = [ ], no sign at the beginning.",
                  WORLD_NAME_BYTES - 1);
        return false;
    }
    return true;
}

void do_name(struct link *link, char *args)
{
    char *name = text_cut(args);
    if (!name || name[0] == '\0') {
        link_tell(link, "@name OBJECT=NEW NAME");
        return;
    }
    struct object *object = match_own(link, args);
    if (!object || !is_good_name(link, object, name))
        return;
    if (world_rename(link->mush->world, object, name))
        link_tell(link, "Its name is %s now.", world_name(object).text);
    else
        link_tell(link, "There is a player of that name already.");
}

static bool may_set(struct link *link, const struct object *object, unsigned flag, bool is_off)
{
    if (flag == WORLD_WIZARD && (!world_is_wizard(link->self) || object->kind != WORLD_PLAYER)) {
        link_tell(link, "Only wizards make wizards, and only of players.");
        return false;
    }
    if (flag == WORLD_WIZARD && is_off && object == link->self) {
        link_tell(link, "Let another wizard take that from you, so that one is left.");
        return false;
    }
    if (flag == WORLD_DARK && object->kind == WORLD_PLAYER && !world_is_wizard(link->self)) {
        link_tell(link, "Only wizards may be dark.");
        return false;
    }
    return true;
}

void do_set(struct link *link, char *args)
{
    char *name = text_cut(args);
    if (!name || name[0] == '\0') {
        link_tell(link, "@set OBJECT=FLAG, or @set OBJECT=!FLAG; help @set lists the flags");
        return;
    }
    bool is_off = name[0] == '!';
    unsigned flag = flag_of(text_trim(name + (is_off ? 1 : 0)));
    struct object *object = match_own(link, args);
    if (!object)
        return;
    if (flag == 0) {
        link_tell(link, "There is no such flag; help @set lists them.");
        return;
    }
    if (!may_set(link, object, flag, is_off))
        return;
    char names[128];
    world_set_flags(link->mush->world, object,
                    is_off ? object->flags & ~flag : object->flags | flag);
    link_tell(link, "Flags of %s: %s", world_name(object).text,
              flag_names(object->flags, names, sizeof names));
}
