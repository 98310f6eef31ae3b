// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A link's phases, the lists that it stands in, and where its input is (link.h).
//
// Errors: none.
#include "link.h"

#include <assert.h>
#include <string.h>

static const bool may_follow[LINK_N_PHASES][LINK_N_PHASES] = {
    [LINK_LOGIN] = {[LINK_PROMPT] = true,
                    [LINK_HASHING] = true,
                    [LINK_PLAYING] = true,
                    [LINK_LEAVING] = true,
                    [LINK_GONE] = true},
    [LINK_PROMPT] =
        {[LINK_LOGIN] = true, [LINK_HASHING] = true, [LINK_LEAVING] = true, [LINK_GONE] = true},
    [LINK_HASHING] = {[LINK_LOGIN] = true,
                      [LINK_WAITING] = true,
                      [LINK_PLAYING] = true,
                      [LINK_LEAVING] = true,
                      [LINK_GONE] = true},
    [LINK_WAITING] = {[LINK_LOGIN] = true, [LINK_LEAVING] = true, [LINK_GONE] = true},
    [LINK_PLAYING] = {[LINK_LEAVING] = true, [LINK_GONE] = true},
    [LINK_AWAITED] = {[LINK_LEAVING] = true, [LINK_GONE] = true},
    [LINK_LEAVING] = {[LINK_GONE] = true},
};

void link_set_phase(struct link *link, enum link_phase phase)
{
    assert(may_follow[link->phase][phase]);
    link->phase = phase;
    link_touch(link);
}

void link_touch(struct link *link)
{
    if (!link->is_touched) {
        link->is_touched = true;
        link->next_touched = link->mush->touched;
        link->mush->touched = link;
    }
}

void link_set_timer(struct link *link, int seconds)
{
    struct timeval wait = {.tv_sec = seconds};
    event_add(link->timer, &wait);
}

// A timer, not an active event: libevent would run that before it looks at other players.
void link_go_on(struct link *link, int ms)
{
    struct timeval wait = {.tv_usec = ms * 1000};
    event_add(link->turn, &wait);
}

struct link *link_find(struct mush *mush, uint64_t number)
{
    struct link *link = mush->first;
    while (link && (link->number != number || link->phase == LINK_GONE))
        link = link->next;
    return link;
}

struct link *link_find_id(struct mush *mush, const uint8_t *id)
{
    struct link *link = mush->first;
    while (link &&
           (!link->player.has_id || memcmp(link->player.id, id, sizeof link->player.id) != 0))
        link = link->next;
    return link;
}

struct link *link_of(struct mush *mush, const struct object *player)
{
    struct link *link = mush->first;
    while (link && (!link_is_playing(link) || link->self != player))
        link = link->next;
    return link;
}

bool link_is_pending(const struct link *link)
{
    return link->phase == LINK_PROMPT || link->phase == LINK_HASHING || link->is_asking;
}

void link_settle_bytes(struct link *link, size_t n)
{
    if (n > 0) {
        evbuffer_drain(link->input, n);
        link->n_done += n;
        link->n_taken -= n;
        link_touch(link);
    }
}

void link_settle(struct link *link)
{
    link_settle_bytes(link, link->n_taken);
}

// Of n_done: where a line or command that has begun will be seen again, nothing need be known.
unsigned link_marks(const struct link *link)
{
    if (link->n_taken > 0)
        return 0;
    return (link->line.is_after_cr ? LINE_AFTER_CR : 0) |
           (link->line.is_dropping ? LINE_DROPPING : 0) |
           (telnet_is_void(&link->telnet) ? LINE_IN_VOID : 0);
}

void link_take_marks(struct link *link, unsigned marks)
{
    link->line.is_after_cr = (marks & LINE_AFTER_CR) != 0;
    link->line.is_dropping = (marks & LINE_DROPPING) != 0;
    if ((marks & LINE_IN_VOID) != 0)
        telnet_begin_void(&link->telnet);
}
