// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player's connection (link.h) on a libevent bufferevent. What is written to it within one turn
// of the loop stays in its output buffer until the next, and then goes out in one write.
//
// Errors: an error of the connection ends the link.
#include "link.h"

#include "play.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const bool may_follow[LINK_N_PHASES][LINK_N_PHASES] = {
    [LINK_LOGIN] =
        {[LINK_HASHING] = true, [LINK_PLAYING] = true, [LINK_LEAVING] = true, [LINK_GONE] = true},
    [LINK_HASHING] = {[LINK_LOGIN] = true,
                      [LINK_WAITING] = true,
                      [LINK_PLAYING] = true,
                      [LINK_LEAVING] = true,
                      [LINK_GONE] = true},
    [LINK_WAITING] = {[LINK_LOGIN] = true, [LINK_LEAVING] = true, [LINK_GONE] = true},
    [LINK_PLAYING] = {[LINK_LEAVING] = true, [LINK_GONE] = true},
    [LINK_LEAVING] = {[LINK_GONE] = true},
};

static void set_phase(struct link *link, enum link_phase phase)
{
    assert(may_follow[link->phase][phase]);
    link->phase = phase;
}

static size_t n_queued(const struct link *link)
{
    return evbuffer_get_length(bufferevent_get_output(link->stream));
}

static bool may_take(const struct link *link)
{
    return (link->phase == LINK_LOGIN || link->phase == LINK_PLAYING) &&
           n_queued(link) < LINK_SOFT_BYTES && !link->mush->is_stopping;
}

// Someone whose lines wait is not read from: they then wait in stayd and at last in the player's
// client.
static void set_reading(struct link *link)
{
    bool is_full = evbuffer_get_length(link->input) >= LINK_INPUT_BYTES;
    if (link->has_ended || (is_full && link->phase != LINK_LEAVING)) {
        bufferevent_disable(link->stream, EV_READ);
    } else {
        bufferevent_enable(link->stream, EV_READ);
    }
}

static bool take_line(struct link *link)
{
    struct evbuffer_iovec piece;
    while (evbuffer_peek(link->input, -1, NULL, &piece, 1) > 0) {
        evbuffer_drain(link->input, line_take(&link->line, piece.iov_base, piece.iov_len));
        if (link->line.is_whole) {
            return true;
        }
    }
    return false;
}

static void work(struct link *link)
{
    for (int n = 0; n < LINK_TURN_LINES && may_take(link) && take_line(link); n++) {
        link->spoke_at = time(NULL);
        if (link->line.is_cut) {
            link_tell(link, "GAME: That line was too long; its first %u bytes are taken.",
                      LINE_MAX_BYTES);
        }
        play_line(link, link->line.text);
    }
    if (link->phase == LINK_GONE) {
        return;
    }
    bool has_more = evbuffer_get_length(link->input) > 0;
    if (may_take(link) && has_more) {
        event_active(link->turn, 0, 0);
    } else if (may_take(link) && link->has_ended) {
        link_leave(link);
    }
    set_reading(link);
}

static void go(struct link *link)
{
    set_phase(link, LINK_GONE);
    bufferevent_disable(link->stream, EV_READ | EV_WRITE);
    event_active(link->mush->reap, 0, 0);
}

// Shut our end once everything has gone out. A close with unread input would make the other side
// see an error instead of the last words.
static void shut_if_flushed(struct link *link)
{
    if (n_queued(link) > 0) {
        return;
    }
    shutdown(bufferevent_getfd(link->stream), SHUT_WR);
    if (link->has_ended) {
        go(link);
    }
}

static void on_read(struct bufferevent *stream, void *arg)
{
    struct link *link = arg;
    bufferevent_read_buffer(stream, link->input);
    if (link->phase == LINK_LEAVING) {
        evbuffer_drain(link->input, evbuffer_get_length(link->input));
    } else if (link->phase != LINK_GONE) {
        work(link);
    }
}

static void on_written(struct bufferevent *stream, void *arg)
{
    struct link *link = arg;
    (void)stream;
    if (link->phase == LINK_LEAVING) {
        shut_if_flushed(link);
    } else if (link->phase != LINK_GONE) {
        unsigned n_lost = link->n_lost;
        link->n_lost = 0;
        if (n_lost > 0) {
            link_tell(link, "GAME: Your connection did not keep up; %u lines were dropped.",
                      n_lost);
        }
        work(link);
    }
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct link *link = arg;
    (void)stream;
    if (link->phase == LINK_GONE) {
        return;
    }
    if ((what & BEV_EVENT_ERROR) != 0) {
        if (link->phase != LINK_LEAVING) {
            link_leave(link);
        }
        if (link->phase != LINK_GONE) {
            go(link);
        }
        return;
    }
    if ((what & BEV_EVENT_EOF) == 0) {
        return;
    }
    link->has_ended = true;
    if (link->phase == LINK_LEAVING) {
        shut_if_flushed(link);
    } else {
        work(link);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct link *link = arg;
    (void)fd;
    (void)what;
    if (link->phase != LINK_GONE) {
        work(link);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct link *link = arg;
    (void)fd;
    (void)what;
    if (link->phase == LINK_WAITING) {
        link_resume_login(link);
    } else if (link->phase == LINK_LEAVING) {
        go(link);
    }
}

static void set_timer(struct link *link, int seconds)
{
    struct timeval wait = {.tv_sec = seconds};
    event_add(link->timer, &wait);
}

static struct link *make(struct mush *mush, const struct stay_player *player)
{
    struct link *link = calloc(1, sizeof *link);
    if (link == NULL) {
        return NULL;
    }
    link->mush = mush;
    link->number = ++mush->n_links_ever;
    link->player = *player;
    link->player.state = NULL;
    link->player.n_state = 0;
    link->connected_at = link->spoke_at = time(NULL);
    link->stream = bufferevent_socket_new(mush->base, player->fd, BEV_OPT_CLOSE_ON_FREE);
    link->input = evbuffer_new();
    link->turn = event_new(mush->base, -1, 0, on_turn, link);
    link->timer = evtimer_new(mush->base, on_timer, link);
    link->previous = mush->last;
    *(mush->last != NULL ? &mush->last->next : &mush->first) = link;
    mush->last = link;
    if (link->stream == NULL || link->input == NULL || link->turn == NULL || link->timer == NULL) {
        link_free(link);
        return NULL;
    }
    bufferevent_setcb(link->stream, on_read, on_written, on_event, link);
    bufferevent_set_max_single_write(link->stream, LINK_HARD_BYTES);
    bufferevent_enable(link->stream, EV_READ | EV_WRITE);
    return link;
}

struct link *link_new(struct mush *mush, const struct stay_player *player)
{
    struct link *link = make(mush, player);
    if (link == NULL) {
        fprintf(stderr, "minimush: no memory for a player from %s\n", player->address);
    }
    return link;
}

void link_free(struct link *link)
{
    struct mush *mush = link->mush;
    *(link->previous != NULL ? &link->previous->next : &mush->first) = link->next;
    *(link->next != NULL ? &link->next->previous : &mush->last) = link->previous;
    if (link->turn != NULL) {
        event_free(link->turn);
    }
    if (link->timer != NULL) {
        event_free(link->timer);
    }
    if (link->input != NULL) {
        evbuffer_free(link->input);
    }
    if (link->stream != NULL) {
        bufferevent_free(link->stream);
    } else {
        close(link->player.fd);
    }
    free(link->login_line);
    free(link);
}

struct link *link_find(struct mush *mush, uint64_t number)
{
    struct link *link = mush->first;
    while (link != NULL && (link->number != number || link->phase == LINK_GONE)) {
        link = link->next;
    }
    return link;
}

void link_vtell(struct link *link, const char *fmt, va_list args)
{
    if (link->phase == LINK_LEAVING || link->phase == LINK_GONE) {
        return;
    }
    if (n_queued(link) > LINK_HARD_BYTES) {
        link->n_lost++;
        return;
    }
    struct evbuffer *output = bufferevent_get_output(link->stream);
    evbuffer_add_vprintf(output, fmt, args);
    evbuffer_add(output, "\r\n", 2);
}

void link_tell(struct link *link, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    link_vtell(link, fmt, args);
    va_end(args);
}

static void forget_login(struct link *link)
{
    if (link->login_line != NULL) {
        explicit_bzero(link->login_line, strlen(link->login_line));
        free(link->login_line);
        link->login_line = NULL;
    }
}

void link_await_password(struct link *link, const char *line)
{
    link->login_line = strdup(line);
    set_phase(link, LINK_HASHING);
}

void link_reject(struct link *link)
{
    forget_login(link);
    if (++link->n_failures >= LINK_MAX_FAILURES) {
        link_tell(link, "Too many wrong tries. Good-bye.");
        link_leave(link);
        return;
    }
    set_phase(link, LINK_WAITING);
    set_timer(link, (int)link->n_failures);
}

void link_enter(struct link *link, const struct character *character)
{
    forget_login(link);
    link->character = *character;
    link->connected_at = time(NULL);
    link->n_failures = 0;
    set_phase(link, LINK_PLAYING);
    play_enter(link);
    event_active(link->turn, 0, 0);
}

void link_resume_login(struct link *link)
{
    forget_login(link);
    set_phase(link, LINK_LOGIN);
    event_active(link->turn, 0, 0);
}

void link_leave(struct link *link)
{
    if (link->phase == LINK_LEAVING || link->phase == LINK_GONE) {
        return;
    }
    bool was_playing = link_is_playing(link);
    forget_login(link);
    set_phase(link, LINK_LEAVING);
    if (was_playing) {
        play_leave(link);
    }
    evbuffer_drain(link->input, evbuffer_get_length(link->input));
    set_timer(link, LINK_LEAVE_S);
    set_reading(link);
    shut_if_flushed(link);
}
