// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Orders, phases, housekeeping (entry.h). Errors: as there.
#include "entry/entry.h"

#include "base/clock.h"
#include "base/log.h"
#include "entry/gate.h"
#include "entry/handshake.h"
#include "entry/linger.h"
#include "entry/outbox.h"
#include "vault/handover.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define HOUSEKEEPING_S 1
#define RETIRING_LOOK_MS 5
#define TRIM_BEATS 5u

struct entry {
    struct entry_setup setup;
    struct gate *gate;
    struct lingering *lingering;
    struct outbox *outbox;
    struct handshakes *handshakes;
    struct accepting *accepting; // NULL: nobody is accepted now
    struct event *orders;
    struct event *housekeeping;
    struct event *retiring;
    bool is_over;
};

static enum page_phase phase_of(const struct entry *entry)
{
    return (enum page_phase)entry->setup.page->pulse.phase;
}

static void set_phase(struct entry *entry, enum page_phase phase)
{
    entry->setup.page->pulse.phase = phase;
}

static void finish(struct entry *entry)
{
    if (entry->is_over)
        return;
    entry->is_over = true;
    entry->setup.over(entry->setup.arg);
}

static void on_room(void *arg)
{
    const struct entry *entry = arg;
    accepting_room(entry->accepting);
}

static void open_door(struct entry *entry)
{
    if (phase_of(entry) != PAGE_READY)
        return;
    entry->accepting = accepting_make(&(struct accepting_setup){
        .base = entry->setup.base,
        .sockets = entry->setup.sockets,
        .n_sockets = entry->setup.n_sockets,
        .handshakes = entry->handshakes,
        .gate = entry->gate,
        .lingering = entry->lingering,
        .outbox = entry->outbox,
        .view = entry->setup.view,
    });
    if (entry->accepting) {
        set_phase(entry, PAGE_OPEN);
    } else {
        log_event(LOG_SYSTEM, "what=\"watch the listening sockets\" error=\"%s\"", strerror(errno));
        finish(entry); // another one is made
    }
}

static void go_on_retiring(evutil_socket_t fd, short what, void *arg)
{
    struct entry *entry = arg;
    const struct timeval soon = {.tv_usec = RETIRING_LOOK_MS * 1000};
    (void)fd;
    (void)what;
    bool is_done = handshakes_count(entry->handshakes) == 0 && outbox_count(entry->outbox) == 0 &&
                   lingering_count(entry->lingering) == 0;
    if (is_done || event_add(entry->retiring, &soon) < 0)
        finish(entry);
}

static void retire(struct entry *entry)
{
    if (phase_of(entry) == PAGE_RETIRING)
        return;
    set_phase(entry, PAGE_RETIRING);
    accepting_free(entry->accepting);
    entry->accepting = NULL;
    go_on_retiring(-1, 0, entry);
}

static void on_order(evutil_socket_t fd, short what, void *arg)
{
    struct entry *entry = arg;
    bool is_new;
    int order;
    (void)what;
    while (!entry->is_over && (order = handover_hear(fd)) != 0)
        if (order == HANDOVER_OPEN)
            open_door(entry);
        else if (order == HANDOVER_RETIRE)
            retire(entry);
        else if (order == HANDOVER_LOG)
            log_reopen(&is_new); // the guard says what there is to say
        else if (order < 0)
            finish(entry);
}

static void keep_house(evutil_socket_t fd, short what, void *arg)
{
    struct entry *entry = arg;
    struct entry_page *page = entry->setup.page;
    (void)fd;
    (void)what;
    page->pulse.beats++;
    log_tick();
    gate_tick(entry->gate, clock_boot_ms());
    page_put_refusals(page, gate_refusals(entry->gate));
    outbox_check(entry->outbox);
    if (entry->accepting)
        accepting_check(entry->accepting);
    // OpenSSL takes some 50 kB for a handshake, and malloc keeps what a rush of them has taken.
    if (page->pulse.beats % TRIM_BEATS == 0 && handshakes_count(entry->handshakes) == 0)
        malloc_trim(0);
}

static void list_certificates(struct entry *entry)
{
    struct entry_page *page = entry->setup.page;
    page->n_certificates = 0;
    for (unsigned i = 0; i < entry->setup.n_sockets; i++) {
        const struct accept_socket *socket = &entry->setup.sockets[i];
        // A listener can have several sockets.
        bool is_listed = false;
        for (unsigned j = 0; j < i; j++)
            is_listed |= entry->setup.sockets[j].listener == socket->listener;
        struct page_certificate it = {.listener = socket->listener};
        for (unsigned n = 0; !is_listed && page->n_certificates < PAGE_CERTIFICATES &&
                             certs_look(socket->certs, n, &it.fact);
             n++)
            page->certificate[page->n_certificates++] = it;
    }
}

static bool make_parts(struct entry *entry)
{
    const struct entry_setup *setup = &entry->setup;
    entry->gate =
        gate_make(&(struct gate_setup){.conf = setup->conf, .has_spoken = handshake_has_spoken});
    entry->lingering = lingering_make(setup->base);
    entry->outbox = outbox_make(&(struct outbox_setup){
        .base = setup->base, .sending = setup->sending, .flows = on_room, .arg = entry});
    if (!entry->gate || !entry->lingering || !entry->outbox)
        return false;
    entry->handshakes = handshakes_make(&(struct handshakes_setup){.base = setup->base,
                                                                   .pulse = &setup->page->pulse,
                                                                   .conf = setup->conf,
                                                                   .gate = entry->gate,
                                                                   .lingering = entry->lingering,
                                                                   .outbox = entry->outbox,
                                                                   .view = setup->view,
                                                                   .room = on_room,
                                                                   .arg = entry});
    entry->orders = event_new(setup->base, setup->sending, EV_READ | EV_PERSIST, on_order, entry);
    entry->housekeeping = event_new(setup->base, -1, EV_PERSIST, keep_house, entry);
    entry->retiring = evtimer_new(setup->base, go_on_retiring, entry);
    const struct timeval every = {.tv_sec = HOUSEKEEPING_S};
    return entry->handshakes && entry->orders && entry->housekeeping && entry->retiring &&
           event_add(entry->orders, NULL) == 0 && event_add(entry->housekeeping, &every) == 0;
}

struct entry *entry_make(const struct entry_setup *setup)
{
    struct entry *entry = calloc(1, sizeof *entry);
    if (entry)
        entry->setup = *setup;
    if (!entry || !make_parts(entry)) {
        log_event(LOG_SYSTEM, "what=\"make the entry\" error=\"%s\"", strerror(errno));
        entry_free(entry);
        return NULL;
    }
    list_certificates(entry);
    set_phase(entry, PAGE_READY);
    return entry;
}

static void free_event(struct event *event)
{
    if (event)
        event_free(event);
}

void entry_free(struct entry *entry)
{
    if (!entry)
        return;
    accepting_free(entry->accepting);
    handshakes_free(entry->handshakes);
    outbox_free(entry->outbox);
    lingering_free(entry->lingering);
    gate_free(entry->gate);
    free_event(entry->orders);
    free_event(entry->housekeeping);
    free_event(entry->retiring);
    free(entry);
}
