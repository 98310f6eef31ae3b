// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Changing objects: description, name, flags (play.h). Errors: they are told.
#include "play.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static const struct {
    const char *name;
    unsigned flag;
} flags[] = {{"DARK", WORLD_DARK},
             {"WIZARD", WORLD_WIZARD},
             {"LINK_OK", WORLD_LINK_OK},
             {"QUIET", WORLD_QUIET},
             {"FIXED", WORLD_FIXED}};

#define N_FLAGS (sizeof flags / sizeof flags[0])

const char *flag_names(unsigned set, char *out, size_t out_size)
{
    size_t n = 0;
    out[0] = '\0';
    for (size_t i = 0; i < N_FLAGS; i++)
        if ((set & flags[i].flag) != 0 && n < out_size)
            n += (size_t)snprintf(out + n, out_size - n, "%s%s", n > 0 ? " " : "", flags[i].name);
    return out[0] != '\0' ? out : "none";
}

unsigned flag_of(const char *name)
{
    for (size_t i = 0; i < N_FLAGS; i++)
        if (strcasecmp(flags[i].name, name) == 0)
            return flags[i].flag;
    return 0;
}

void do_describe(struct link *link, char *args)
{
    char *text = play_cut(args);
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
    char *name = play_cut(args);
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
    char *name = play_cut(args);
    if (!name || name[0] == '\0') {
        link_tell(link, "@set OBJECT=FLAG, or @set OBJECT=!FLAG; help @set lists the flags");
        return;
    }
    bool is_off = name[0] == '!';
    unsigned flag = flag_of(play_trim(name + (is_off ? 1 : 0)));
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
