// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A link's way through its phases (life.h): the connect screen, the game, the end.
//
// Errors: none.
#include "life.h"

#include "gmcp.h"
#include "look.h"
#include "output.h"
#include "terminal.h"

#include <stdio.h>
#include <sys/socket.h>
#include <time.h>

void link_finish(struct link *link)
{
    link_set_phase(link, LINK_GONE);
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
        link_finish(link);
}

static void tell_neighbours(struct link *link, const char *what)
{
    for (struct link *other = link->mush->first; other; other = other->next)
        if (other != link && link_is_playing(other) && other->self->place == link->self->place &&
            (other->self->flags & WORLD_QUIET) == 0)
            link_tell(other, "%s has %s.", link->self->name, what);
}

void link_leave(struct link *link)
{
    if (link->phase == LINK_LEAVING || link->phase == LINK_GONE)
        return;
    bool was_playing = link_is_playing(link);
    link->is_dismissed = !link->has_ended;
    link_set_phase(link, LINK_LEAVING);
    if (was_playing)
        tell_neighbours(link, "disconnected");
    link_settle(link);
    evbuffer_drain(link->input, evbuffer_get_length(link->input));
    if (link->stream) {
        bufferevent_enable(link->stream, EV_READ);
        link_set_timer(link, LINK_LEAVE_S);
    }
}

// The connection has ended without a leave.
void link_cut_off(struct link *link)
{
    link->has_ended = true;
    link_leave(link);
    if (link->phase != LINK_GONE)
        link_finish(link);
}

void link_prompt(struct link *link, const char *name)
{
    snprintf(link->prompt_name, sizeof link->prompt_name, "%s", name);
    link_set_phase(link, LINK_PROMPT);
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
        link_set_phase(link, LINK_LOGIN);
    }
}

void link_await_password(struct link *link)
{
    link_set_phase(link, LINK_HASHING);
}

void link_reject(struct link *link)
{
    link_settle(link);
    if (++link->n_failures >= LINK_MAX_FAILURES) {
        link_tell(link, "Too many wrong tries. Good-bye.");
        link_leave(link);
        return;
    }
    link_set_phase(link, LINK_WAITING);
    link_set_timer(link, (int)link->n_failures);
}

static void greet(struct link *link)
{
    link_tell(link, "You are %s%s. Type help for what one can do.", link->self->name,
              world_is_wizard(link->self) ? ", a wizard here" : "");
    tell_neighbours(link, "connected");
    look_around(link);
    gmcp_send_room(link);
}

void link_enter(struct link *link, struct object *player)
{
    link->self = player;
    link->connected_at = time(NULL);
    link->n_failures = 0;
    link_set_phase(link, LINK_PLAYING);
    link_settle(link);
    greet(link);
    link_go_on(link, 0);
}

void link_come_back(struct link *link)
{
    tell_neighbours(link, "connected");
}

void link_resume_login(struct link *link)
{
    link_set_phase(link, LINK_LOGIN);
    link_settle(link);
    link_go_on(link, 0);
}

// As long as others come back, there may be more of them. Who was booted meanwhile and has not come
// for its last words is ended without.
static void stop_waiting(struct link *link)
{
    struct mush *mush = link->mush;
    int64_t left = mush->resumed_at + mush->settings->come_back_s - time(NULL);
    if (left > 0 && left <= mush->settings->come_back_s) {
        link_set_timer(link, (int)left);
    } else if (link->phase == LINK_AWAITED) {
        link_cut_off(link);
    } else {
        tell_end(link);
        link_finish(link);
    }
}

void link_time_is_up(struct link *link)
{
    if (link->phase == LINK_WAITING)
        link_resume_login(link);
    else if (link->phase != LINK_GONE && !link->stream)
        stop_waiting(link);
    else if (link->phase == LINK_LEAVING)
        link_finish(link);
}
