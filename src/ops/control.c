// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The server (control.h): one struct peer a connection, on a bufferevent.
//
// What a peer asks for is done (run) until no whole line is there (input brings it back), the
// turn's steps are done (it goes on in the next), the task waits for something (it looks again
// after a while), or enough is to be sent (its having gone brings it back). Only in the first case
// it reads, one line's worth at most. After the peer's end of file the rest is done and sent, then
// it is over. It is freed then, after the callbacks (reap).
#include "ops/control.h"

#include "ops/knock.h"
#include "ops/task.h"
#include "players/connector.h"

#include <assert.h>
#include <event2/bufferevent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 20 // between two looks for what a request waits for
#define GO_ON_BYTES (CONTROL_OUTPUT_BYTES / 4)

static_assert(TASK_STEP_BYTES < CONTROL_OUTPUT_BYTES / 2, "a step's output");

enum wait {
    WAIT_INPUT,
    WAIT_TURN,
    WAIT_OTHERS,    // the guard, for instance
    WAIT_ROOM,      // until the peer has read
    WAIT_NOTHING,   // it is over
    WAIT_CONNECTOR, // for ever: players/connector.c reads
};

struct peer {
    struct control *control;
    struct peer *next;
    struct bufferevent *stream;
    struct event *turn;          // goes on in the loop's next turn
    bool is_skipping;            // inside a line that is too long
    bool has_ended;              // the peer has said all
    bool is_over;                // to be freed
    bool is_busy;                // the task is not done
    struct connector *connector; // NULL: it is none
    struct task task;
};

struct control {
    struct players *players;
    struct knock *knock;
    struct event *reaper;
    struct event *next_turn; // of the loop: there may be steps again
    unsigned n_steps;        // done in this turn
    struct peer *peers;
};

static void end(struct peer *peer)
{
    peer->is_over = true;
    if (peer->connector)
        connector_stop(peer->connector);
    bufferevent_disable(peer->stream, EV_READ | EV_WRITE);
    event_del(peer->turn);
    event_active(peer->control->reaper, EV_TIMEOUT, 0);
}

static void free_peer(struct peer *peer)
{
    if (peer->connector)
        connector_free(peer->connector);
    if (peer->turn)
        event_free(peer->turn);
    if (peer->stream)
        bufferevent_free(peer->stream);
    free(peer);
}

static void reap(evutil_socket_t fd, short what, void *arg)
{
    struct control *control = arg;
    (void)fd;
    (void)what;
    for (struct peer **at = &control->peers; *at;) {
        struct peer *peer = *at;
        if (!peer->is_over) {
            at = &peer->next;
            continue;
        }
        *at = peer->next;
        free_peer(peer);
    }
}

// A line that is too long has one answer, and is passed over up to its end.
static void refuse_long(struct peer *peer, struct evbuffer *input, size_t n)
{
    const size_t n_look = REQUEST_ID_BYTES + 1;
    request_too_long(&peer->task.request, evbuffer_pullup(input, (ssize_t)n_look), n_look);
    evbuffer_drain(input, n);
    peer->is_skipping = true;
}

// After the end of file: what has no line's end may be half of what was meant.
static void refuse_cut(struct peer *peer, struct evbuffer *input, size_t n)
{
    request_parse(&peer->task.request, evbuffer_pullup(input, -1), n);
    request_refuse(&peer->task.request, REQUEST_BAD_REQUEST,
                   "the last line has no end and was not done; end it with LF");
    evbuffer_drain(input, n);
}

// Make the next line the peer's task. False: none is whole yet.
static bool take_line(struct peer *peer)
{
    struct evbuffer *input = bufferevent_get_input(peer->stream);
    for (;;) {
        ssize_t end_at = evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_LF).pos;
        size_t n = evbuffer_get_length(input);
        if (peer->is_skipping) {
            evbuffer_drain(input, end_at < 0 ? n : (size_t)end_at + 1);
            peer->is_skipping = end_at < 0;
            if (end_at < 0)
                return false;
            continue;
        }
        if (end_at >= 0) {
            uint8_t *line = evbuffer_pullup(input, end_at + 1);
            if (!line)
                return false;
            request_parse(&peer->task.request, line, (size_t)end_at);
            explicit_bzero(line, (size_t)end_at); // a resume state may be a secret
            evbuffer_drain(input, (size_t)end_at + 1);
        } else if (n >= REQUEST_LINE_BYTES) {
            refuse_long(peer, input, n);
        } else if (peer->has_ended && n > 0) {
            refuse_cut(peer, input, n);
        } else {
            return false;
        }
        task_begin(&peer->task);
        return true;
    }
}

static bool has_room(const struct peer *peer)
{
    size_t n = evbuffer_get_length(bufferevent_get_output(peer->stream));
    return n + TASK_STEP_BYTES <= CONTROL_OUTPUT_BYTES;
}

static void on_next_turn(evutil_socket_t fd, short what, void *arg)
{
    struct control *control = arg;
    (void)fd;
    (void)what;
    control->n_steps = 0;
}

// May one more step be done in this turn of the loop?
static bool take_step(struct control *control)
{
    static const struct timeval at_once = {0};
    if (control->n_steps == CONTROL_STEPS_A_TURN)
        return false;
    if (!event_pending(control->next_turn, EV_TIMEOUT, NULL) &&
        event_add(control->next_turn, &at_once) < 0)
        return true; // without memory they are not counted
    control->n_steps++;
    return true;
}

// Do what can be done in this turn. Returns what the peer waits for then.
static enum wait run(struct peer *peer)
{
    while (has_room(peer)) {
        if (!peer->is_busy && !take_line(peer))
            return WAIT_INPUT;
        peer->is_busy = true;
        if (!take_step(peer->control))
            return WAIT_TURN;
        peer->is_busy = !task_step(&peer->task, peer->control->players);
        if (peer->task.is_torn)
            return WAIT_NOTHING;
        if (peer->task.is_connector)
            return WAIT_CONNECTOR;
        if (peer->is_busy && peer->task.waits)
            return WAIT_OTHERS;
    }
    return WAIT_ROOM;
}

static void on_connector_over(void *owner)
{
    end(owner);
}

// Something is short, or others are to do something first.
static void try_later(struct peer *peer)
{
    static const struct timeval later = {.tv_usec = WAIT_MS * 1000};
    if (event_add(peer->turn, &later) < 0)
        end(peer);
}

// What has been sent too early is lost, with descriptors that may have come with it.
static void become_connector(struct peer *peer)
{
    bool is_clean = evbuffer_get_length(bufferevent_get_input(peer->stream)) == 0;
    if (!is_clean || peer->has_ended) {
        end(peer);
        return;
    }
    peer->connector = connector_make(peer->control->players, peer->task.game, peer->stream,
                                     on_connector_over, peer);
    if (!peer->connector)
        try_later(peer);
}

static void work(struct peer *peer)
{
    static const struct timeval at_once = {0};
    enum wait wait = run(peer);
    if (wait == WAIT_CONNECTOR) {
        become_connector(peer);
        return;
    }
    bool is_sent = evbuffer_get_length(bufferevent_get_output(peer->stream)) == 0;
    if (wait == WAIT_NOTHING || (wait == WAIT_INPUT && peer->has_ended && is_sent)) {
        end(peer);
        return;
    }
    // A bufferevent that reads, and has a line's worth, calls again and again until it is taken.
    bool is_reading = wait == WAIT_INPUT && !peer->has_ended;
    if (!is_reading)
        bufferevent_disable(peer->stream, EV_READ);
    short wanted = (short)((is_reading ? EV_READ : 0) | (is_sent ? 0 : EV_WRITE));
    bool is_watched = !wanted || bufferevent_enable(peer->stream, wanted) == 0;
    if (wait == WAIT_TURN && is_watched) {
        if (event_add(peer->turn, &at_once) < 0) // no memory
            end(peer);
    } else if (wait == WAIT_OTHERS || !is_watched) {
        try_later(peer);
    }
}

static void on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct peer *peer = arg;
    (void)fd;
    (void)what;
    if (peer->task.is_connector)
        become_connector(peer);
    else
        work(peer);
}

// Both: input has come, or output has gone.
static void on_progress(struct bufferevent *stream, void *arg)
{
    struct peer *peer = arg;
    (void)stream;
    bool is_ours = !peer->is_over && !peer->task.is_connector;
    if (is_ours && !event_pending(peer->turn, EV_TIMEOUT, NULL))
        work(peer);
}

static void on_event(struct bufferevent *stream, short what, void *arg)
{
    struct peer *peer = arg;
    if (peer->is_over)
        return;
    if (!(what & BEV_EVENT_EOF)) { // an error, or it does not read
        end(peer);
        return;
    }
    peer->has_ended = true;
    on_progress(stream, arg);
}

static bool is_game_user(const struct conf *conf, uid_t uid)
{
    for (unsigned i = 0; i < conf->n_games; i++)
        if (conf->game[i].has_user && conf->game[i].user_uid == uid)
            return true;
    return false;
}

// Why one more connection of this peer cannot be; NULL: it can.
static const char *find_limit(const struct control *control, const struct task_asker *asker)
{
    unsigned n_all = 0;
    unsigned n_user = 0;
    unsigned n_games = 0;
    for (const struct peer *peer = control->peers; peer; peer = peer->next) {
        n_all++;
        n_user += peer->task.asker.uid == asker->uid;
        n_games += !peer->task.asker.is_admin;
    }
    if (n_all >= CONF_CONTROL_CONNECTIONS)
        return "too many control connections are open; close some";
    if (asker->uid != 0 && n_user >= CONTROL_OF_A_USER)
        return "too many control connections of this user are open; close some";
    if (!asker->is_admin && n_games >= CONTROL_OF_GAMES)
        return "too many control connections of games are open; close some";
    return NULL;
}

static struct peer *make_peer(struct control *control, int fd)
{
    struct event_base *base = control->players->base;
    struct peer *peer = calloc(1, sizeof *peer);
    if (!peer)
        return NULL;
    peer->control = control;
    peer->turn = evtimer_new(base, on_turn, peer);
    peer->stream = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    if (peer->turn && peer->stream)
        return peer;
    if (peer->stream) // the descriptor is still the caller's
        bufferevent_setfd(peer->stream, -1);
    free_peer(peer);
    return NULL;
}

static void start(struct peer *peer)
{
    static const struct timeval stall = {.tv_sec = CONTROL_STALL_S};
    peer->task.out = bufferevent_get_output(peer->stream);
    bufferevent_setcb(peer->stream, on_progress, on_progress, on_event, peer);
    bufferevent_setwatermark(peer->stream, EV_READ, 0, REQUEST_LINE_BYTES);
    bufferevent_setwatermark(peer->stream, EV_WRITE, GO_ON_BYTES, 0);
    bufferevent_set_timeouts(peer->stream, NULL, &stall);
    peer->next = peer->control->peers;
    peer->control->peers = peer;
    if (evbuffer_add_printf(peer->task.out, "stayd 1 %s\n", STAYD_VERSION) < 0)
        end(peer);
    else if (bufferevent_enable(peer->stream, EV_READ | EV_WRITE) < 0)
        try_later(peer);
}

static bool take(void *arg, int fd, const struct task_asker *asker)
{
    struct control *control = arg;
    if (!asker->is_admin && !is_game_user(&control->players->heritage->conf, asker->uid)) {
        knock_refuse(control->knock, fd, asker, REQUEST_NOT_ALLOWED,
                     "this user may not speak here; be root, stayd's own user, or the `user` of a "
                     "game's section in stayd.conf");
        return false;
    }
    const char *limit = find_limit(control, asker);
    struct peer *peer = limit ? NULL : make_peer(control, fd);
    if (!peer) {
        knock_refuse(control->knock, fd, asker, REQUEST_SHORT,
                     limit ? limit : "memory could not be had; try again");
        return false;
    }
    peer->task.asker = *asker;
    start(peer);
    return true;
}

void control_check(struct control *control)
{
    knock_check(control->knock);
}

struct control *control_make(struct players *players, int listener_fd)
{
    struct control *control = calloc(1, sizeof *control);
    if (!control)
        return NULL;
    control->players = players;
    control->next_turn = evtimer_new(players->base, on_next_turn, control);
    control->reaper = evtimer_new(players->base, reap, control);
    control->knock = knock_make(players->base, listener_fd, take, control);
    if (control->next_turn && control->reaper && control->knock)
        return control;
    control_free(control);
    return NULL;
}

void control_free(struct control *control)
{
    if (!control)
        return;
    while (control->peers) {
        struct peer *next = control->peers->next;
        free_peer(control->peers);
        control->peers = next;
    }
    knock_free(control->knock);
    if (control->reaper)
        event_free(control->reaper);
    if (control->next_turn)
        event_free(control->next_turn);
    free(control);
}
