// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Talk in a room (commands.h). Errors: they are told.
#include "commands.h"

#include "match.h"
#include "output.h"
#include "text.h"

#include <string.h>

// Is there anything to be said?
static bool has_text(struct link *link, const char *args, const char *usage)
{
    bool has = args[strspn(args, " ")] != '\0';
    if (!has)
        link_tell(link, "%s", usage);
    return has;
}

void do_say(struct link *link, char *args)
{
    if (!has_text(link, args, "Say what? say TEXT, or \"TEXT"))
        return;
    link_tell(link, "You say, \"%s\"", args);
    mush_tell_room(link->mush, link->self->place, link, "%s says, \"%s\"", link->self->name, args);
}

void do_pose(struct link *link, char *args)
{
    if (!has_text(link, args, "Do what? pose TEXT, or :TEXT"))
        return;
    mush_tell_room(link->mush, link->self->place, NULL, "%s %s", link->self->name, args);
}

void do_semipose(struct link *link, char *args)
{
    if (!has_text(link, args, "Do what? semipose TEXT, or ;TEXT"))
        return;
    mush_tell_room(link->mush, link->self->place, NULL, "%s%s", link->self->name, args);
}

void do_emit(struct link *link, char *args)
{
    if (!has_text(link, args, "Show what? @emit TEXT"))
        return;
    mush_tell_room(link->mush, link->self->place, NULL, "%s", args);
}

void do_think(struct link *link, char *args)
{
    link_tell(link, "%s", args);
}

void do_whisper(struct link *link, char *args)
{
    char *text = text_cut(args);
    if (!text || text[0] == '\0') {
        link_tell(link, "Whisper what to whom? whisper NAME=TEXT");
        return;
    }
    struct object *to = match_here(link, args);
    if (!to)
        return;
    const char *self = link->self->name;
    bool is_pose = text[0] == ':';
    bool is_heard = is_pose
                        ? mush_tell_player(link->mush, to, "You sense that %s %s", self, text + 1)
                        : mush_tell_player(link->mush, to, "%s whispers, \"%s\"", self, text);
    if (!is_heard)
        link_tell(link, "%s does not hear you.", world_name(to).text);
    else if (is_pose)
        link_tell(link, "You whisper to %s: %s %s", to->name, self, text + 1);
    else
        link_tell(link, "You whisper, \"%s\" to %s.", text, to->name);
}
