// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Asking and hearing the connectors (connector.h). Descriptors come with the bytes of a line; the
// kernel gives those of one line at most with each recvmsg(2), and a peer that sends two before a
// line is whole is broken.
#include "players/connector.h"

#include "base/log.h"
#include "players/conn.h"
#include "players/connector_line.h"
#include "players/players.h"
#include "players/waiting.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct connector {
    struct players *players;
    unsigned game;
    struct bufferevent *stream;
    struct event *input;
    connector_over_fn *over;
    void *owner;
    uint64_t number; // of what was asked last
    bool is_asked;   // and not answered
    uint8_t id[16];  // for whom
    connector_answer_fn *connected;
    int fd; // has come, and the line it belongs to is not whole; -1: none
    size_t n_line;
    char line[CONNECTOR_ANSWER_BYTES];
};

static const struct conf_game *conf_of(const struct connector *connector)
{
    return &connector->players->heritage->conf.game[connector->game];
}

static void say(const struct connector *connector, const char *what)
{
    log_event(LOG_CONNECTOR, "game=%s is=\"%s\"", conf_of(connector)->name, what);
}

void connector_stop(struct connector *connector)
{
    struct connector **place = &connector->players->connectors->of_game[connector->game];
    event_del(connector->input);
    if (*place == connector)
        *place = NULL;
}

void connector_free(struct connector *connector)
{
    if (connector->input)
        event_free(connector->input);
    if (connector->fd >= 0)
        close(connector->fd);
    free(connector);
}

static bool end(struct connector *connector, const char *why)
{
    say(connector, why);
    connector->over(connector->owner);
    return false;
}

bool connector_is_here(const struct players *players, unsigned game)
{
    return players->connectors->of_game[game] != NULL;
}

bool connector_is_asked(const struct players *players, unsigned game)
{
    const struct connector *connector = players->connectors->of_game[game];
    return connector && connector->is_asked;
}

enum link_status connector_ask(struct players *players, const struct slot *slot,
                               connector_answer_fn *connected)
{
    static const struct timeval patience = {.tv_sec = CONNECTOR_PATIENCE_S};
    struct connector *connector = players->connectors->of_game[slot->game];
    struct connector_ask ask;
    uint8_t header[LINK_HEADER_BYTES];
    char line[CONNECTOR_ASK_BYTES];
    if (connector_is_asked(players, slot->game))
        return LINK_ASKED;
    errno = ENOTCONN;
    if (!connector)
        return LINK_AWAY;
    ask.number = ++connector->number;
    ask.n_header = link_header(slot, conf_of(connector), header);
    assert(ask.n_header <= sizeof ask.header); // conf/check.c: it is PennMUSH's, a line
    memcpy(ask.header, header, ask.n_header);
    if (bufferevent_write(connector->stream, line, connector_print_ask(line, &ask)) < 0) {
        errno = ENOBUFS;
        return LINK_BUSY;
    }
    memcpy(connector->id, slot->id, sizeof connector->id);
    connector->connected = connected;
    connector->is_asked = true;
    event_add(connector->input, &patience);
    return LINK_ASKED;
}

// The player may have gone meanwhile. Owns fd (-1: there is none, and error says why).
static void hand_over(struct connector *connector, int fd, int error)
{
    struct players *players = connector->players;
    struct conn *conn = conn_find(players, connector->id);
    if (conn)
        connector->connected(conn, fd, error);
    else if (fd >= 0)
        close(fd);
    waiting_hurry(players);
}

// One whole line. False: the connector is gone.
static bool take_answer(struct connector *connector, const char *line)
{
    struct connector_answer answer;
    int fd = connector->fd;
    if (!connector_parse_answer(&answer, line) || !connector->is_asked ||
        answer.number != connector->number || (fd < 0) != (answer.error != 0))
        return end(connector, "closed: it said what was not asked");
    if (fd >= 0 && (!link_is_to(conf_of(connector), fd) || fcntl(fd, F_SETFL, O_NONBLOCK) < 0))
        return end(connector, "closed: it passed something else than a connection to the game");
    connector->fd = -1;
    connector->is_asked = false;
    event_remove_timer(connector->input);
    hand_over(connector, fd, answer.error);
    return true;
}

// Take the descriptor that came with these bytes. False: there were more, or some were lost.
static bool take_descriptor(struct connector *connector, struct msghdr *message)
{
    bool is_good = !(message->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
        size_t n = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(at) + i * sizeof fd, sizeof fd);
            is_good &= connector->fd < 0;
            if (connector->fd < 0)
                connector->fd = fd;
            else
                close(fd);
        }
    }
    return is_good;
}

static ssize_t receive(struct connector *connector, bool *is_good)
{
    alignas(struct cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
    struct iovec bytes = {connector->line + connector->n_line,
                          sizeof connector->line - connector->n_line};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t n =
        recvmsg(bufferevent_getfd(connector->stream), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    *is_good = n < 0 || take_descriptor(connector, &message);
    return n;
}

static void take_lines(struct connector *connector)
{
    char *lf;
    while ((lf = memchr(connector->line, '\n', connector->n_line))) {
        size_t n = (size_t)(lf - connector->line) + 1;
        *lf = '\0';
        if (!take_answer(connector, connector->line))
            return;
        connector->n_line -= n;
        memmove(connector->line, connector->line + n, connector->n_line);
    }
    if (connector->n_line == sizeof connector->line)
        end(connector, "closed: its line is too long");
}

static void on_input(evutil_socket_t fd, short what, void *arg)
{
    struct connector *connector = arg;
    bool is_good;
    (void)fd;
    if (what & EV_TIMEOUT) {
        end(connector, "closed: it gave no answer");
        return;
    }
    ssize_t n = receive(connector, &is_good);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        end(connector, "gone");
        return;
    }
    if (!is_good) {
        end(connector, "closed: it passed more than one descriptor");
        return;
    }
    connector->n_line += (size_t)n;
    take_lines(connector);
}

struct connector *connector_make(struct players *players, unsigned game, struct bufferevent *stream,
                                 connector_over_fn *over, void *owner)
{
    struct connector *connector = calloc(1, sizeof *connector);
    if (!connector)
        return NULL;
    *connector = (struct connector){
        .players = players, .game = game, .stream = stream, .over = over, .owner = owner, .fd = -1};
    connector->input = event_new(players->base, bufferevent_getfd(stream), EV_READ | EV_PERSIST,
                                 on_input, connector);
    if (!connector->input || event_add(connector->input, NULL) < 0) {
        connector_free(connector);
        return NULL;
    }
    bufferevent_disable(stream, EV_READ);
    if (players->connectors->of_game[game])
        end(players->connectors->of_game[game], "closed: another one is here");
    players->connectors->of_game[game] = connector;
    say(connector, "here");
    waiting_retry(players, game);
    return connector;
}
