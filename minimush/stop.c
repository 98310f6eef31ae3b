// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The end and the reboot as they are ordered (stop.h). Errors: none.
#include "stop.h"

#include "life.h"
#include "output.h"

#include <stdio.h>
#include <time.h>

#define PATIENCE_S (LINK_LEAVE_S + 2)

// stayd is told what is meant before any connection closes.
void mush_stop(struct mush *mush, const char *by)
{
    static const struct timeval tick = {.tv_usec = 20000};
    bool holds = mush->settings->shutdown_holds;
    if (mush->is_stopping)
        return;
    fprintf(stderr, "minimush: shutdown by %s\n", by);
    mush_tell_all(mush,
                  holds ? "GAME: Shutdown by %s. You stay connected until the game is back."
                        : "GAME: Shutdown by %s. Good-bye.",
                  by);
    mush->is_stopping = true;
    mush->stop_at = time(NULL) + PATIENCE_S;
    stay_announce(mush->stay, holds ? STAY_PLAN_END_HOLD : STAY_PLAN_END_LEAVE);
    event_del(mush->door);
    event_add(mush->stop, &tick);
    for (struct link *link = mush->first; !holds && link; link = link->next)
        link_leave(link);
}

void mush_reboot(struct mush *mush, const char *by)
{
    snprintf(mush->reboot_by, sizeof mush->reboot_by, "%s", by);
    fprintf(stderr, "minimush: reboot by %s\n", by);
    mush->wants_reboot = true;
}
