// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A link on libevent (stream.h): its bufferevent, its timers, and what their events mean.
//
// Errors: an error of the connection ends the link.
#include "stream.h"

#include "input.h"
#include "life.h"
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void on_read(struct bufferevent *stream, void *arg)
{
    (void)stream;
    link_read(arg);
}

static void on_written(struct bufferevent *stream, void *arg)
{
    struct link *link = arg;
    (void)stream;
    if (link->phase == LINK_LEAVING) {
        link_shut_if_flushed(link);
    } else if (link->phase != LINK_GONE) {
        unsigned n_lost = link->n_lost;
        link->n_lost = 0;
        if (n_lost > 0)
            link_tell(link, "GAME: Your connection did not keep up; %u lines were dropped.",
                      n_lost);
        link_work(link);
    }
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct link *link = arg;
    (void)stream;
    if (link->phase == LINK_GONE)
        return;
    if ((what & BEV_EVENT_ERROR) != 0) {
        link_cut_off(link);
        return;
    }
    if ((what & BEV_EVENT_EOF) == 0)
        return;
    link->has_ended = true;
    if (link->phase == LINK_LEAVING)
        link_shut_if_flushed(link);
    else
        link_work(link);
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct link *link = arg;
    (void)fd;
    (void)what;
    if (link->phase != LINK_GONE)
        link_work(link);
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    link_time_is_up(arg);
}

static bool make_stream(struct link *link)
{
    link->stream = bufferevent_socket_new(link->mush->base, link->player.fd, BEV_OPT_CLOSE_ON_FREE);
    if (!link->stream)
        return false;
    bufferevent_setcb(link->stream, on_read, on_written, on_event, link);
    bufferevent_set_max_single_write(link->stream, LINK_HARD_BYTES);
    bufferevent_enable(link->stream, EV_READ | EV_WRITE);
    return true;
}

static struct link *make(struct mush *mush, const struct stay_player *player)
{
    struct link *link = calloc(1, sizeof *link);
    if (!link) {
        if (player->fd >= 0)
            close(player->fd);
        return NULL;
    }
    link->mush = mush;
    link->number = ++mush->n_links_ever;
    link->player = *player;
    link->player.state = NULL;
    link->player.n_state = 0;
    link->n_done = link->n_told = player->n_input;
    link->n_output = player->n_output;
    link->credit = 1000 * (int64_t)mush->settings->lines_at_once;
    link->connected_at = link->spoke_at = time(NULL);
    link->input = evbuffer_new();
    link->fresh = evbuffer_new();
    link->turn = evtimer_new(mush->base, on_turn, link);
    link->timer = evtimer_new(mush->base, on_timer, link);
    link->previous = mush->last;
    *(mush->last ? &mush->last->next : &mush->first) = link;
    mush->last = link;
    if (!link->input || !link->fresh || !link->turn || !link->timer ||
        (player->fd >= 0 && !make_stream(link))) {
        link_free(link);
        return NULL;
    }
    link_touch(link);
    return link;
}

struct link *link_new(struct mush *mush, const struct stay_player *player)
{
    struct link *link = make(mush, player);
    if (!link)
        fprintf(stderr, "minimush: no memory for a player from %s\n", player->address);
    return link;
}

void link_free(struct link *link)
{
    struct mush *mush = link->mush;
    *(link->previous ? &link->previous->next : &mush->first) = link->next;
    *(link->next ? &link->next->previous : &mush->last) = link->previous;
    if (link->turn)
        event_free(link->turn);
    if (link->timer)
        event_free(link->timer);
    if (link->input)
        evbuffer_free(link->input);
    if (link->fresh)
        evbuffer_free(link->fresh);
    if (link->stream)
        bufferevent_free(link->stream);
    else if (link->player.fd >= 0)
        close(link->player.fd);
    explicit_bzero(&link->line, sizeof link->line);
    free(link);
}
