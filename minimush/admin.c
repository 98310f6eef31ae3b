// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Wizards' commands (play.h). Errors: they are told.
#include "play.h"

#include "sitelock.h"

void admin_shutdown(struct link *link, char *args)
{
    (void)args;
    mush_stop(link->mush, link->character.name);
}

void admin_reboot(struct link *link, char *args)
{
    (void)args;
    mush_reboot(link->mush, link->character.name);
}

void admin_sitelock(struct link *link, char *args)
{
    struct mush *mush = link->mush;
    const struct stay_player *self = &link->player;
    char *pattern = play_trim(args);
    if (!sitelock_is_pattern(pattern)) {
        link_tell(link, "That is no pattern. An address, 192.0.2.0/24, 10.1.* or *.example.com?");
        return;
    }
    if (sitelock_matches(pattern, &self->sockaddr, self->address, self->host)) {
        link_tell(link, "That would shut you out yourself.");
        return;
    }
    switch (world_add_sitelock(mush->world, pattern, link->character.name)) {
    case WORLD_DONE:
        link_tell(link, "Nobody can connect from %s any more. Who is here stays.", pattern);
        break;
    case WORLD_TAKEN:
        link_tell(link, "%s is shut out already.", pattern);
        break;
    default:
        link_tell(link, "That did not work; the game's log says why.");
        break;
    }
}

void admin_sitelock_list(struct link *link, char *args)
{
    (void)args;
    const char *pattern;
    size_t n = 0;
    while ((pattern = world_sitelock_at(link->mush->world, n)) != NULL) {
        link_tell(link, "  %s", pattern);
        n++;
    }
    link_tell(link, "%zu sitelock%s.", n, n == 1 ? "" : "s");
}

void admin_sitelock_remove(struct link *link, char *args)
{
    char *pattern = play_trim(args);
    switch (world_remove_sitelock(link->mush->world, pattern)) {
    case WORLD_DONE:
        link_tell(link, "%s can connect again.", pattern);
        break;
    case WORLD_NONE:
        link_tell(link, "There is no sitelock %s.", pattern);
        break;
    default:
        link_tell(link, "That did not work; the game's log says why.");
        break;
    }
}
