// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The game as a whole (game.h): its start, its loop, its end.
//
// Errors: while starting, words on stderr and false.
#include "game.h"

#include "door.h"
#include "link.h"
#include "login.h"
#include "output.h"
#include "password.h"
#include "reboot.h"
#include "resume.h"
#include "signals.h"
#include "stayd.h"
#include "stream.h"
#include "turn.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

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

static void on_door(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    door_serve(arg);
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

static bool add(struct event *event, const struct timeval *wait)
{
    return event && event_add(event, wait) == 0;
}

static bool make_events(struct mush *mush)
{
    static const struct timeval sweep_wait = {.tv_sec = SWEEP_S};
    if (!signals_watch(mush))
        return false;
    mush->stop = event_new(mush->base, -1, EV_PERSIST, on_stop, mush);
    mush->sweep = event_new(mush->base, -1, EV_PERSIST, on_sweep, mush);
    mush->door = event_new(mush->base, stay_fd(mush->stay), EV_READ | EV_PERSIST, on_door, mush);
    mush->passwords =
        passwords_start(mush->base, mush->settings->password_cost, login_decided, mush);
    return mush->stop && add(mush->sweep, &sweep_wait) && add(mush->door, NULL) && mush->passwords;
}

// A failure at a reboot ends the game, and its players' connections with it: that is what the trial
// in reboot.c is for.
bool game_start(struct mush *mush, struct settings *settings, char *program)
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
    door_serve(mush);
    if (stay_how_started(mush->stay) != STAY_STARTED) // who came with another stayd is gone
        link_await_all(mush);
    if (stay_how_started(mush->stay) == STAY_KEPT)
        mush_tell_all(mush, "GAME: The reboot is over.");
    turn_end(mush);
    return true;
}

void game_run(struct mush *mush)
{
    while (!mush->is_over && event_base_loop(mush->base, EVLOOP_ONCE) == 0) {
        turn_end(mush);
        if (mush->wants_reboot && !mush->is_stopping) {
            mush->wants_reboot = false;
            reboot_now(mush);
            turn_commit(mush); // only here if it failed: that has been told
        }
    }
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void game_free(struct mush *mush)
{
    while (mush->first)
        link_free(mush->first);
    if (mush->passwords)
        passwords_stop(mush->passwords);
    free_event(mush->door);
    free_event(mush->stop);
    free_event(mush->sweep);
    for (size_t i = 0; i < MUSH_N_SIGNALS; i++)
        free_event(mush->signals[i]);
    if (mush->base)
        event_base_free(mush->base);
    if (mush->world)
        world_close(mush->world);
    if (mush->stay)
        stayd_say_refusals(mush);
    bool ends_all = mush->is_stopping && !mush->settings->shutdown_holds;
    if (ends_all && mush->settings->stops_stayd && stay_stop(mush->stay) == 0)
        fprintf(stderr, "minimush: stayd is asked to end, too\n");
    stay_close(mush->stay);
}
