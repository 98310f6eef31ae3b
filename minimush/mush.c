// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The game as a whole (mush.h): start, the loop's events, the end. What has to do with stayd is
// here and in keep.c and reboot.c.
//
// Errors: while starting, words on stderr and false.
#include "mush.h"

#include "link.h"
#include "password.h"
#include "play.h"
#include "reboot.h"
#include "shut.h"
#include "stayd.h"
#include "terminal.h"
#include "turn.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define STOP_S (LINK_LEAVE_S + 2)
#define SWEEP_S 60
#define KNOWN_S 600

static bool is_nowhere(void *arg, const uint8_t *id)
{
    (void)arg;
    (void)id;
    return false;
}

static bool open_world(struct mush *mush)
{
    char *path;
    if (asprintf(&path, "%s/world.db", mush->settings->directory) < 0)
        return false;
    mode_t mask = umask(0077); // it holds passwords' hashes
    mush->world = world_open(path);
    umask(mask);
    free(path);
    if (mush->world && !mush->settings->resumes)
        ledger_sweep(world_db(mush->world), false, is_nowhere, NULL);
    return mush->world != NULL;
}

// Somebody who is shut out is told so, and by what, and is gone.
static void receive(struct mush *mush, const struct stay_player *player)
{
    struct link *link = link_new(mush, player);
    struct shut_pattern pattern;
    if (!link)
        return;
    if (link_is_stored(link))
        ledger_forget(world_db(mush->world), player->id);
    if (!shut_out(mush->world, &player->sockaddr, player->address, player->host, &pattern)) {
        if (mush->settings->telnet_first)
            terminal_invite(link);
        play_greet(link);
        return;
    }
    fprintf(stderr, "minimush: sitelock %s: %s (%s)\n", pattern.text, player->address,
            player->host);
    link_tell(link, "Connections from your site are not accepted here (sitelock %s).",
              pattern.text);
    link_leave(link);
}

// What stayd did not do, and why it does not start again: the log says it once.
static void say_refusals(struct mush *mush)
{
    struct stay_counts counts;
    stay_counts(mush->stay, &counts);
    if (counts.n_refused > mush->n_refused) {
        mush->n_refused = counts.n_refused;
        fprintf(stderr, "minimush: trouble with stayd, %llu times so far:\n%s",
                (unsigned long long)counts.n_refused, stay_remarks(mush->stay));
    }
}

// Everybody was cut off then, and the connections have said so; the log says why.
static void say_restarts(struct mush *mush)
{
    unsigned n = stay_n_restarts(mush->stay);
    if (n > mush->n_restarts) {
        mush->n_restarts = n;
        fprintf(stderr, "minimush: all of stayd was gone; it is started again, and players can "
                        "connect\n");
    }
}

static void on_door(evutil_socket_t fd, short what, void *arg)
{
    struct mush *mush = arg;
    struct stay_player player;
    (void)fd;
    (void)what;
    while (stay_accept(mush->stay, &player) > 0) {
        unsigned n_lost = link_supersede(mush, &player);
        switch (player.origin) {
        case STAY_REBOOTED:
            link_restore(mush, &player);
            break;
        case STAY_RESUMED:
            link_resume(mush, &player, n_lost);
            break;
        case STAY_NEW:
            receive(mush, &player);
            break;
        }
    }
    say_restarts(mush);
    say_refusals(mush);
}

static bool is_everything_said(const struct mush *mush)
{
    return stay_n_unanswered(mush->stay) == 0 || !stay_is_running(mush->stay);
}

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
    struct mush *mush = arg;
    bool is_done = true;
    (void)fd;
    (void)what;
    stay_work(mush->stay);
    for (struct link *link = mush->first; link; link = link->next) {
        bool has_all = mush->settings->shutdown_holds && link_n_queued(link) == 0;
        is_done = is_done && (has_all || !link->stream);
    }
    mush->is_over = (is_done && is_everything_said(mush)) || time(NULL) >= mush->stop_at;
}

static bool is_here(void *arg, const uint8_t *id)
{
    return link_find_id(arg, id) != NULL;
}

// Those who have left are forgotten soon. Others without a link may come back, although nobody
// waits for them any more.
static void on_sweep(evutil_socket_t fd, short what, void *arg)
{
    struct mush *mush = arg;
    (void)fd;
    (void)what;
    ledger_sweep(world_db(mush->world), time(NULL) < mush->begun_at + KNOWN_S, is_here, mush);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    if (number == SIGUSR1)
        mush_reboot(arg, "the admin");
    else
        mush_stop(arg, "the admin");
}

static bool add(struct event *event, const struct timeval *wait)
{
    return event && event_add(event, wait) == 0;
}

static const int known_signals[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};

// The mask goes through exec, handlers do not: a signal that comes while the game reboots waits for
// the new program's handler instead of killing it.
void mush_hold_signals(bool is_held)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof known_signals / sizeof known_signals[0]; i++)
        sigaddset(&set, known_signals[i]);
    sigprocmask(is_held ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

static bool make_events(struct mush *mush)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof known_signals / sizeof known_signals[0]; i++) {
        mush->signals[i] = evsignal_new(mush->base, known_signals[i], on_signal, mush);
        if (!add(mush->signals[i], NULL))
            return false;
    }
    mush_hold_signals(false);
    static const struct timeval sweep_wait = {.tv_sec = SWEEP_S};
    mush->stop = event_new(mush->base, -1, EV_PERSIST, on_stop, mush);
    mush->sweep = event_new(mush->base, -1, EV_PERSIST, on_sweep, mush);
    mush->door = event_new(mush->base, stay_fd(mush->stay), EV_READ | EV_PERSIST, on_door, mush);
    mush->passwords =
        passwords_start(mush->base, mush->settings->password_cost, login_decided, mush);
    return mush->stop && add(mush->sweep, &sweep_wait) && add(mush->door, NULL) && mush->passwords;
}

// A failure at a reboot ends the game, and its players' connections with it: that is what the trial
// in reboot.c is for.
bool mush_start(struct mush *mush, struct settings *settings, char *program)
{
    *mush = (struct mush){.settings = settings, .program = program, .started_at = time(NULL)};
    mush->begun_at = mush->started_at;
    if (!stayd_open(mush) || !open_world(mush))
        return false;
    mush->base = event_base_new();
    if (!mush->base || !make_events(mush)) {
        fprintf(stderr, "minimush: cannot start: %s\n", strerror(errno));
        return false;
    }
    stayd_say_how(mush);
    reboot_take_state(mush);
    on_door(-1, 0, mush);
    if (stay_how_started(mush->stay) != STAY_STARTED) // who came with another stayd is gone
        link_await_all(mush);
    if (stay_how_started(mush->stay) == STAY_KEPT)
        mush_tell_all(mush, "GAME: The reboot is over.");
    turn_end(mush);
    return true;
}

void mush_run(struct mush *mush)
{
    while (!mush->is_over && event_base_loop(mush->base, EVLOOP_ONCE) == 0)
        turn_end(mush);
}

void mush_free(struct mush *mush)
{
    struct event *events[] = {mush->door,       mush->stop,       mush->sweep,     mush->signals[0],
                              mush->signals[1], mush->signals[2], mush->signals[3]};
    while (mush->first)
        link_free(mush->first);
    if (mush->passwords)
        passwords_stop(mush->passwords);
    for (size_t i = 0; i < sizeof events / sizeof events[0]; i++)
        if (events[i])
            event_free(events[i]);
    if (mush->base)
        event_base_free(mush->base);
    if (mush->world)
        world_close(mush->world);
    if (mush->stay)
        say_refusals(mush);
    bool ends_all = mush->is_stopping && !mush->settings->shutdown_holds;
    if (ends_all && mush->settings->stops_stayd && stay_stop(mush->stay) == 0)
        fprintf(stderr, "minimush: stayd is asked to end, too\n");
    stay_close(mush->stay);
}

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
    mush->stop_at = time(NULL) + STOP_S;
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

__attribute__((format(printf, 4, 0))) static void tell(struct mush *mush, const struct object *room,
                                                       const struct link *but, const char *fmt,
                                                       va_list args)
{
    for (struct link *link = mush->first; link; link = link->next) {
        if (link != but && link_is_playing(link) && (!room || link->self->place == room)) {
            va_list copy;
            va_copy(copy, args);
            link_vtell(link, fmt, copy);
            va_end(copy);
        }
    }
}

void mush_tell_all(struct mush *mush, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(mush, NULL, NULL, fmt, args);
    va_end(args);
}

void mush_tell_room(struct mush *mush, const struct object *room, const struct link *but,
                    const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(mush, room, but, fmt, args);
    va_end(args);
}

bool mush_tell_player(struct mush *mush, const struct object *player, const char *fmt, ...)
{
    bool is_there = false;
    for (struct link *link = mush->first; link; link = link->next) {
        if (link_is_playing(link) && link->self == player) {
            va_list args;
            va_start(args, fmt);
            link_vtell(link, fmt, args);
            va_end(args);
            is_there = true;
        }
    }
    return is_there;
}
