// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player's connection from its beginning to its end (link.h), on a libevent bufferevent.
//
// Errors: an error of the connection ends the link.
#include "link.h"

#include "play.h"
#include "terminal.h"
#include "turn.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

static void set_phase(struct link *link, enum link_phase phase)
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

static void go(struct link *link)
{
    set_phase(link, LINK_GONE);
    if (link->stream)
        bufferevent_disable(link->stream, EV_READ | EV_WRITE);
    link->mush->has_gone = true;
}

static void tell_end(struct link *link)
{
    if (link->is_dismissed && !link->is_told_end && link->player.has_id) {
        stay_end(link->mush->stay, &link->player, NULL);
        link->is_told_end = true;
    }
}

// The connection has ended without a leave.
static void cut_off(struct link *link)
{
    link->has_ended = true;
    link_leave(link);
    if (link->phase != LINK_GONE)
        go(link);
}

// Shut our end once everything has gone out. A close with unread input would make the other side
// see an error instead of the last words. stayd is told that this was meant: should the game die
// now, the player is not brought back.
void link_shut_if_flushed(struct link *link)
{
    if (link->phase != LINK_LEAVING || link->is_touched || link_n_queued(link) > 0)
        return;
    tell_end(link);
    shutdown(bufferevent_getfd(link->stream), SHUT_WR);
    if (link->has_ended)
        go(link);
}

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
        cut_off(link);
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

static void set_timer(struct link *link, int seconds)
{
    struct timeval wait = {.tv_sec = seconds};
    event_add(link->timer, &wait);
}

// As long as others come back, there may be more of them. Who was booted meanwhile and has not come
// for its last words is ended without.
static void stop_waiting(struct link *link)
{
    struct mush *mush = link->mush;
    int64_t left = mush->resumed_at + mush->settings->come_back_s - time(NULL);
    if (left > 0 && left <= mush->settings->come_back_s) {
        set_timer(link, (int)left);
    } else if (link->phase == LINK_AWAITED) {
        cut_off(link);
    } else {
        tell_end(link);
        go(link);
    }
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct link *link = arg;
    (void)fd;
    (void)what;
    if (link->phase == LINK_WAITING)
        link_resume_login(link);
    else if (link->phase != LINK_GONE && !link->stream)
        stop_waiting(link);
    else if (link->phase == LINK_LEAVING)
        go(link);
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

unsigned link_supersede(struct mush *mush, const struct stay_player *player)
{
    struct link *link = player->has_id ? link_find_id(mush, player->id) : NULL;
    if (!link)
        return 0;
    if (link->is_touched)
        turn_commit(mush); // what it has done so far counts
    if (link->phase != LINK_GONE) {
        link->player.has_id = false; // the ledger's entry is the new one's
        go(link);
    }
    return link->n_lost;
}

void link_await(struct link *link)
{
    link->phase = LINK_AWAITED;
    set_timer(link, link->mush->settings->come_back_s);
}

struct link *link_of(struct mush *mush, const struct object *player)
{
    struct link *link = mush->first;
    while (link && (!link_is_playing(link) || link->self != player))
        link = link->next;
    return link;
}

void link_prompt(struct link *link, const char *name)
{
    snprintf(link->prompt_name, sizeof link->prompt_name, "%s", name);
    set_phase(link, LINK_PROMPT);
    terminal_hide(link, true);
    link_print(link, "Password: ");
}

// The end of the line that the player typed unseen was unseen as well.
void link_end_prompt(struct link *link)
{
    if (link->phase == LINK_PROMPT) {
        if (terminal_hides(link))
            link_print(link, "\r\n");
        terminal_hide(link, false);
        set_phase(link, LINK_LOGIN);
    }
}

void link_await_password(struct link *link)
{
    set_phase(link, LINK_HASHING);
}

bool link_is_pending(const struct link *link)
{
    return link->phase == LINK_PROMPT || link->phase == LINK_HASHING || link->is_asking;
}

void link_reject(struct link *link)
{
    link_settle(link);
    if (++link->n_failures >= LINK_MAX_FAILURES) {
        link_tell(link, "Too many wrong tries. Good-bye.");
        link_leave(link);
        return;
    }
    set_phase(link, LINK_WAITING);
    set_timer(link, (int)link->n_failures);
}

void link_enter(struct link *link, struct object *player)
{
    link->self = player;
    link->connected_at = time(NULL);
    link->n_failures = 0;
    set_phase(link, LINK_PLAYING);
    link_settle(link);
    play_enter(link);
    link_go_on(link);
}

void link_resume_login(struct link *link)
{
    set_phase(link, LINK_LOGIN);
    link_settle(link);
    link_go_on(link);
}

void link_leave(struct link *link)
{
    if (link->phase == LINK_LEAVING || link->phase == LINK_GONE)
        return;
    bool was_playing = link_is_playing(link);
    link->is_dismissed = !link->has_ended;
    set_phase(link, LINK_LEAVING);
    if (was_playing)
        play_leave(link);
    link_settle(link);
    evbuffer_drain(link->input, evbuffer_get_length(link->input));
    if (link->stream) {
        bufferevent_enable(link->stream, EV_READ);
        set_timer(link, LINK_LEAVE_S);
    }
}
