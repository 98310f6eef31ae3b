// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Sending, in the order of coming (outbox.h). Errors: as there.
#include "entry/outbox.h"

#include "base/log.h"
#include "vault/handover.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <unistd.h>

#define AGAIN_MS 20 // what becomes possible by what others do is seen by looking

struct parcel {
    STAILQ_ENTRY(parcel) entry;
    struct arrival arrival;
    int fd;
};

struct outbox {
    struct outbox_setup setup;
    struct event *again;
    uint64_t number; // of the last message that was sent
    unsigned n;
    bool is_stuck; // and that was said
    STAILQ_HEAD(parcels, parcel) parcels;
};

static bool send_one(struct outbox *outbox, const struct arrival *arrival, int fd)
{
    struct handover message = {.number = outbox->number + 1, .arrival = *arrival};
    bool is_sent = handover_send(outbox->setup.sending, &message, fd) == 0;
    int error = errno;
    OPENSSL_cleanse(&message, sizeof message);
    errno = error;
    if (is_sent) {
        outbox->number++;
        close(fd);
    }
    return is_sent;
}

// Once set, the time stays: who comes later does not put it off.
static void look_again(struct outbox *outbox)
{
    const struct timeval soon = {.tv_usec = AGAIN_MS * 1000};
    if (!event_pending(outbox->again, EV_TIMEOUT, NULL))
        event_add(outbox->again, &soon);
}

static void say_stuck(struct outbox *outbox)
{
    if (!outbox->is_stuck && errno != EAGAIN)
        log_event(LOG_SHORTAGE, "what=\"hand a player on\" error=\"%s\"%s", strerror(errno),
                  errno == ETOOMANYREFS ? " fix=\"raise RLIMIT_NOFILE (LimitNOFILE= in the unit)\""
                                        : "");
    outbox->is_stuck = true;
}

static void drop_first(struct outbox *outbox)
{
    struct parcel *parcel = STAILQ_FIRST(&outbox->parcels);
    STAILQ_REMOVE_HEAD(&outbox->parcels, entry);
    outbox->n--;
    OPENSSL_cleanse(&parcel->arrival, sizeof parcel->arrival);
    free(parcel);
}

static void try_again(evutil_socket_t fd, short what, void *arg)
{
    struct outbox *outbox = arg;
    (void)fd;
    (void)what;
    while (!STAILQ_EMPTY(&outbox->parcels)) {
        const struct parcel *parcel = STAILQ_FIRST(&outbox->parcels);
        if (!send_one(outbox, &parcel->arrival, parcel->fd)) {
            say_stuck(outbox);
            look_again(outbox);
            return;
        }
        drop_first(outbox);
    }
    outbox->is_stuck = false;
    outbox->setup.flows(outbox->setup.arg);
}

struct outbox *outbox_make(const struct outbox_setup *setup)
{
    struct outbox *outbox = calloc(1, sizeof *outbox);
    if (!outbox)
        return NULL;
    outbox->setup = *setup;
    STAILQ_INIT(&outbox->parcels);
    outbox->again = evtimer_new(setup->base, try_again, outbox);
    if (outbox->again)
        return outbox;
    free(outbox);
    return NULL;
}

void outbox_free(struct outbox *outbox)
{
    if (!outbox)
        return;
    while (!STAILQ_EMPTY(&outbox->parcels)) {
        close(STAILQ_FIRST(&outbox->parcels)->fd);
        drop_first(outbox);
    }
    event_free(outbox->again);
    free(outbox);
}

bool outbox_put(struct outbox *outbox, const struct arrival *arrival, int fd)
{
    if (STAILQ_EMPTY(&outbox->parcels) && send_one(outbox, arrival, fd))
        return true;
    say_stuck(outbox);
    struct parcel *parcel = calloc(1, sizeof *parcel);
    if (!parcel)
        return false;
    parcel->arrival = *arrival;
    parcel->fd = fd;
    STAILQ_INSERT_TAIL(&outbox->parcels, parcel, entry);
    outbox->n++;
    look_again(outbox);
    return true;
}

void outbox_check(struct outbox *outbox)
{
    if (outbox->n && !event_pending(outbox->again, EV_TIMEOUT, NULL))
        try_again(-1, EV_TIMEOUT, outbox);
}

unsigned outbox_count(const struct outbox *outbox)
{
    return outbox->n;
}
