// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From a queue to slots (inbox.h). Errors: as there.
#include "worker/inbox.h"

#include "base/log.h"
#include "entry/farewell.h"
#include "players/arrive.h"
#include "players/serve.h"
#include "process/lease.h"
#include "vault/handover.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define A_TURN 8u
#define AGAIN_MS 100
#define CRASHES_MOST 2u

struct queue {
    struct inbox *inbox;
    struct event *event; // NULL: it is not read
    uint64_t serial;     // of its entry
};

struct inbox {
    struct players *players;
    struct queue queue[VAULT_ENTRIES];
    struct event *again; // something was short
    bool is_short;       // and that was said
};

static struct vault_entry *entry_of(const struct queue *queue)
{
    const struct inbox *inbox = queue->inbox;
    return &vault_entries(inbox->players->vault)->place[queue - inbox->queue];
}

static void stop(struct queue *queue)
{
    if (queue->event)
        event_free(queue->event);
    queue->event = NULL;
}

// There will be no more: the guard may close it.
static void end(struct queue *queue)
{
    const struct vault_head *head = queue->inbox->players->vault->head;
    stop(queue);
    entry_of(queue)->state = ENTRY_READ_OUT;
    if (lease_pid(head->guard))
        kill(lease_pid(head->guard), SIGUSR1);
}

// Only this queue waits: what is short for it need not be for the others.
static void wait_for_more(struct queue *queue, const char *what)
{
    struct inbox *inbox = queue->inbox;
    const struct timeval soon = {.tv_usec = AGAIN_MS * 1000};
    if (!inbox->is_short)
        log_event(LOG_SHORTAGE, "what=\"take in a player: %s\" error=\"%s\"", what,
                  strerror(errno));
    inbox->is_short = true;
    if (queue->event)
        event_del(queue->event);
    event_add(inbox->again, &soon);
}

// The crashes are the head's: forgotten before it is gone, they are never the next one's.
static void take(struct queue *queue, int fd)
{
    entry_of(queue)->crashes = 0;
    handover_take(fd);
}

static void throw_away(struct queue *queue, int fd, const char *why)
{
    log_event(LOG_REFUSED, "address=- why=\"what an entry has handed over: %s\"", why);
    take(queue, fd);
}

// True: there may be more.
static bool take_in(struct queue *queue, int fd, const struct handover *message, int player_fd)
{
    struct vault_entry *entry = entry_of(queue);
    struct slot *slot = NULL;
    if (message->number <= entry->taken || message->worker != 0) {
        close(player_fd);
        throw_away(queue, fd, "a number that was there before, or another worker's");
        return true;
    }
    switch (arrive_claim(queue->inbox->players, &message->arrival,
                         handover_key(entry->serial, message->number), player_fd, &slot)) {
    case ARRIVAL_TAKEN:
        break;
    case ARRIVAL_SHORT:
        close(player_fd);
        wait_for_more(queue, "memory");
        return false;
    case ARRIVAL_FULL: // who speaks no TLS can be told all the same
        if (message->arrival.tls_version == 0)
            farewell_refuse(NULL, player_fd, false, GATE_FULL);
        else
            close(player_fd);
        break;
    case ARRIVAL_REFUSED: // which is said
        close(player_fd);
        break;
    }
    entry->taken = message->number;
    take(queue, fd);
    queue->inbox->is_short = false;
    if (slot)
        arrive_serve(queue->inbox->players, slot);
    return true;
}

// Look at one message. False: no more now.
static bool read_one(struct queue *queue, int fd)
{
    struct handover message;
    int player_fd = -1;
    bool goes_on = true;
    if (entry_of(queue)->crashes >= CRASHES_MOST) {
        throw_away(queue, fd, "stayd has crashed twice over it");
        return true;
    }
    switch (handover_peek(fd, &message, &player_fd)) {
    case HANDOVER_THERE:
        goes_on = take_in(queue, fd, &message, player_fd);
        break;
    case HANDOVER_WRONG:
        throw_away(queue, fd, "it is no message, or has no connection");
        break;
    case HANDOVER_NONE:
        goes_on = false;
        break;
    case HANDOVER_SHORT:
        wait_for_more(queue, "descriptors");
        goes_on = false;
        break;
    case HANDOVER_ENDED:
        end(queue);
        goes_on = false;
        break;
    }
    OPENSSL_cleanse(&message, sizeof message);
    return goes_on;
}

static void on_message(evutil_socket_t fd, short what, void *arg)
{
    struct queue *queue = arg;
    struct vault_head *head = queue->inbox->players->vault->head;
    (void)what;
    // If a message kills the worker, the guard knows which.
    head->serving_entry = (uint32_t)(queue - queue->inbox->queue);
    for (unsigned n = 0; n < A_TURN && queue->event && read_one(queue, fd); n++)
        ;
    head->serving_entry = ENTRY_NONE;
}

static void watch(struct queue *queue, int fd)
{
    queue->event =
        event_new(queue->inbox->players->base, fd, EV_READ | EV_PERSIST, on_message, queue);
    if (!queue->event || event_add(queue->event, NULL) < 0)
        wait_for_more(queue, "watch a queue");
}

void inbox_look(struct inbox *inbox)
{
    const struct vault *vault = inbox->players->vault;
    bool may_read = vault_is_proven(vault) && !vault->head->ending_until_ms;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++) {
        struct queue *queue = &inbox->queue[i];
        const struct vault_entry *entry = entry_of(queue);
        int fd = vault_guard_fds(vault)[VAULT_ENTRY_QUEUES + i];
        bool is_there = may_read && entry->state == ENTRY_MADE && fd >= 0;
        if (queue->event && (!is_there || queue->serial != entry->serial))
            stop(queue);
        if (!is_there)
            continue;
        queue->serial = entry->serial;
        if (!queue->event)
            watch(queue, fd);
        else
            event_add(queue->event, NULL);
    }
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    inbox_look(arg);
}

struct inbox *inbox_make(struct players *players)
{
    struct inbox *inbox = calloc(1, sizeof *inbox);
    if (!inbox)
        return NULL;
    inbox->players = players;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        inbox->queue[i].inbox = inbox;
    inbox->again = evtimer_new(players->base, on_again, inbox);
    if (inbox->again)
        return inbox;
    free(inbox);
    return NULL;
}

void inbox_free(struct inbox *inbox)
{
    if (!inbox)
        return;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        stop(&inbox->queue[i]);
    event_free(inbox->again);
    free(inbox);
}
