// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Connections that are closing (linger.h). Errors: none.
#include "entry/linger.h"

#include "base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

struct lingerer {
    TAILQ_ENTRY(lingerer) entry;
    struct lingering *all;
    int fd;
    struct event *event; // readable, or the end of its time
    uint64_t until_ms;   // boottime
    size_t n_left;       // bytes that may still be read
};

struct lingering {
    struct event_base *base;
    unsigned n;
    TAILQ_HEAD(linger_list, lingerer) list; // the oldest first
};

struct lingering *lingering_make(struct event_base *base)
{
    struct lingering *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->base = base;
    TAILQ_INIT(&all->list);
    return all;
}

static void end(struct lingerer *one)
{
    TAILQ_REMOVE(&one->all->list, one, entry);
    one->all->n--;
    event_free(one->event);
    close(one->fd);
    free(one);
}

void lingering_free(struct lingering *all)
{
    if (!all)
        return;
    while (!TAILQ_EMPTY(&all->list))
        end(TAILQ_FIRST(&all->list));
    free(all);
}

unsigned lingering_count(const struct lingering *all)
{
    return all->n;
}

// False: all is read, or the connection is gone.
static bool throw_away(struct lingerer *one)
{
    uint8_t bytes[4096];
    size_t n = one->n_left < sizeof bytes ? one->n_left : sizeof bytes;
    // MSG_TRUNC: TCP need not even copy it (tcp(7)).
    ssize_t got = recv(one->fd, bytes, n, MSG_DONTWAIT | MSG_TRUNC);
    if (got > 0)
        one->n_left -= (size_t)got;
    return got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR));
}

static void await(struct lingerer *one);

static void on_event(evutil_socket_t fd, short what, void *arg)
{
    struct lingerer *one = arg;
    (void)fd;
    if (what & EV_READ && throw_away(one))
        await(one);
    else
        end(one);
}

static void await(struct lingerer *one)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t left_ms = one->until_ms > now_ms ? one->until_ms - now_ms : 0;
    const struct timeval left = {
        .tv_sec = (time_t)(left_ms / 1000),
        .tv_usec = (suseconds_t)(left_ms % 1000 * 1000),
    };
    short what = one->n_left ? EV_READ : 0;
    if (left_ms == 0 ||
        event_assign(one->event, one->all->base, one->fd, what, on_event, one) < 0 ||
        event_add(one->event, &left) < 0)
        end(one);
}

void linger_close(struct lingering *all, int fd, const void *bytes, size_t n_bytes)
{
    if (n_bytes)
        send(fd, bytes, n_bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    struct lingerer *one = all ? calloc(1, sizeof *one) : NULL;
    if (one)
        one->event = event_new(all->base, fd, EV_READ, on_event, one);
    if (!one || !one->event) {
        free(one);
        close(fd);
        return;
    }
    if (all->n == LINGER_MAX)
        end(TAILQ_FIRST(&all->list));
    one->all = all;
    one->fd = fd;
    one->until_ms = clock_boot_ms() + LINGER_MS;
    one->n_left = LINGER_BYTES;
    TAILQ_INSERT_TAIL(&all->list, one, entry);
    all->n++;
    await(one);
}
