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

#include "life.h"
#include "resume.h"
#include "stream.h"

#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>

// Up to where stayd has surely read. The kernel counts whole buffers with all that belongs to them,
// so what it says is never less than the bytes that nobody has read yet, and 0 when there are none.
static uint64_t n_taken(const struct link *link)
{
    if (!link->stream)
        return 0; // it will be known when the player comes back
    uint64_t n_written = link->n_output - evbuffer_get_length(bufferevent_get_output(link->stream));
    int n_unread = -1;
    if (ioctl(link->player.fd, SIOCOUTQ, &n_unread) != 0 || n_unread < 0 ||
        (uint64_t)n_unread > n_written)
        return 0;
    return n_written - (uint64_t)n_unread;
}

static enum ledger_phase ledger_phase(const struct link *link)
{
    if (link->phase == LINK_AWAITED)
        return LEDGER_AWAITED;
    if (link->is_dismissed)
        return LEDGER_LEAVING;
    bool has_gone = link->phase == LINK_LEAVING || link->phase == LINK_GONE;
    return has_gone ? LEDGER_CUT_OFF : LEDGER_HERE;
}

static void put_entry(struct link *link, size_t n_fresh)
{
    struct ledger_entry entry = {
        .player = link->self ? link->self->id : 0,
        .phase = ledger_phase(link),
        .n_input = link->n_done,
        .marks = link_marks(link),
        .n_output = link->n_output + n_fresh,
        .connected_at = link->connected_at,
        .spoke_at = link->spoke_at,
        .is_telnet = link->telnet.is_heard,
        .charset = link->line.charset,
    };
    memcpy(entry.paged, link->paged, sizeof entry.paged);
    ledger_put(world_db(link->mush->world), link->player.id, &entry);
}

static void store(struct link *link)
{
    struct db *db = world_db(link->mush->world);
    size_t n_fresh = evbuffer_get_length(link->fresh);
    if (!link_is_stored(link))
        return;
    if (link->has_outbox) {
        uint64_t taken = n_taken(link);
        ledger_drop_output(db, link->player.id, taken);
        link->has_outbox = taken < link->n_output;
    }
    if (n_fresh > 0) {
        ledger_add_output(db, link->player.id, link->n_output, evbuffer_pullup(link->fresh, -1),
                          n_fresh);
        link->has_outbox = true;
    }
    put_entry(link, n_fresh);
}

// Not beyond what has been read: what is still to be passed over, stayd has yet to send.
static void acknowledge(struct link *link)
{
    uint64_t n_done = link->n_done - link->n_passed_over;
    if (link_is_stored(link) && n_done > link->n_told && link->phase != LINK_GONE) {
        stay_acknowledge(link->mush->stay, &link->player, n_done);
        link->n_told = n_done;
    }
}

static void release(struct link *link)
{
    size_t n_fresh = evbuffer_get_length(link->fresh);
    link->n_output += n_fresh;
    if (!link->stream) { // it is in the outbox
        link->n_owed += n_fresh;
        evbuffer_drain(link->fresh, n_fresh);
        return;
    }
    if (link->phase != LINK_GONE)
        bufferevent_write_buffer(link->stream, link->fresh);
    acknowledge(link);
    if (link_is_playing(link) && !link->has_left_state) {
        link_leave_state(link);
        link->has_left_state = true;
    }
    link_shut_if_flushed(link);
}

void turn_commit(struct mush *mush)
{
    struct link *touched = mush->touched;
    mush->touched = NULL;
    for (struct link *link = touched; link; link = link->next_touched)
        store(link);
    db_commit(world_db(mush->world));
    for (struct link *link = touched; link;) {
        struct link *next = link->next_touched;
        link->is_touched = false;
        release(link);
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
}
