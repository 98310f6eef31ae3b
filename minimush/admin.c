// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Wizards' commands (commands.h). Errors: they are told.
#include "commands.h"

#include "life.h"
#include "output.h"
#include "shut.h"
#include "stop.h"
#include "text.h"

#include <stdio.h>

void do_boot(struct link *link, char *args)
{
    char *reason = text_cut(args);
    const struct object *player = world_find_player(link->mush->world, args);
    struct link *other = player ? link_of(link->mush, player) : NULL;
    if (!other) {
        link_tell(link, "%s is not connected. @boot PLAYER=REASON",
                  args[0] != '\0' ? args : "Nobody");
        return;
    }
    fprintf(stderr, "minimush: %s boots %s\n", link->self->name, player->name);
    link_tell(link, "%s is booted.", player->name);
    for (; other; other = link_of(link->mush, player)) {
        if (reason && reason[0] != '\0')
            link_tell(other, "You are booted by %s: %s", link->self->name, reason);
        else
            link_tell(other, "You are booted by %s.", link->self->name);
        link_leave(other);
    }
}

void do_wall(struct link *link, char *args)
{
    if (args[0] == '\0')
        link_tell(link, "@wall TEXT");
    else
        mush_tell_all(link->mush, "Announcement by %s: %s", link->self->name, args);
}

void do_shutdown(struct link *link, char *args)
{
    (void)args;
    mush_stop(link->mush, link->self->name);
}

void do_reboot(struct link *link, char *args)
{
    (void)args;
    mush_reboot(link->mush, link->self->name);
}

void do_sitelock(struct link *link, char *args)
{
    struct mush *mush = link->mush;
    const struct stay_player *self = &link->player;
    char *pattern = text_trim(args);
    if (!sitelock_is_pattern(pattern))
        link_tell(link, "That is no pattern. An address, 192.0.2.0/24, 10.1.* or *.example.com?");
    else if (sitelock_matches(pattern, &self->sockaddr, self->address, self->host))
        link_tell(link, "That would shut you out yourself.");
    else if (shut_add(mush->world, pattern, link->self->name))
        link_tell(link, "Nobody can connect from %s any more. Who is here stays.", pattern);
    else
        link_tell(link, "%s is shut out already.", pattern);
}

void do_sitelock_list(struct link *link, char *args)
{
    struct shut_pattern pattern;
    size_t n = 0;
    (void)args;
    while (shut_at(link->mush->world, n, &pattern)) {
        link_tell(link, "  %s", pattern.text);
        n++;
    }
    link_tell(link, "%zu sitelock%s.", n, n == 1 ? "" : "s");
}

void do_sitelock_remove(struct link *link, char *args)
{
    char *pattern = text_trim(args);
    if (shut_remove(link->mush->world, pattern))
        link_tell(link, "%s can connect again.", pattern);
    else
        link_tell(link, "There is no sitelock %s.", pattern);
}
