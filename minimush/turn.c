// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The turn's end (turn.h). A kill can come between any two instructions here:
//
//   before COMMIT   nobody has seen anything; the next process does the turn's lines anew
//   after it        the lines are done: the next process passes over the input before n_input,
//                   and sends what stands in the outbox beyond what stayd has taken
//
// Errors: as in turn.h.
#include "turn.h"

#include "link.h"
#include "reboot.h"

void turn_commit(struct mush *mush)
{
    struct link *touched = mush->touched;
    mush->touched = NULL;
    for (struct link *link = touched; link; link = link->next_touched)
        link_store(link);
    db_commit(world_db(mush->world));
    for (struct link *link = touched; link;) {
        struct link *next = link->next_touched;
        link->is_touched = false;
        link_release(link);
        link = next;
    }
}

static void free_gone(struct mush *mush)
{
    mush->has_gone = false;
    for (struct link *link = mush->first; link;) {
        struct link *next = link->next;
        if (link->phase == LINK_GONE)
            link_free(link);
        link = next;
    }
}

void turn_end(struct mush *mush)
{
    while (mush->touched) // the end of one may touch another
        turn_commit(mush);
    db_commit(world_db(mush->world)); // what the sweep has changed
    if (mush->has_gone)
        free_gone(mush);
    if (mush->wants_reboot && !mush->is_stopping) {
        mush->wants_reboot = false;
        reboot_now(mush);
        turn_commit(mush);
    }
}
