// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Accepting (accept.h), on libevent's listeners.
// Errors: shortage pauses all listeners and is looked at again on a timer or when
// something has ended; never spins.
#include "entry/accept.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "entry/certs.h"
#include "entry/farewell.h"
#include "vault/suspects.h"

#include <errno.h>
#include <event2/listener.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_MS 100
#define DEFER_S 3

struct listener {
    struct accepting *all;
    struct evconnlistener *listener;
    uint16_t index; // into conf.listener
};

struct accepting {
    struct accepting_setup setup;
    struct listener listener[HERITAGE_MAX_SOCKETS];
    struct event *timer;
    bool is_paused;     // everything
    bool is_tls_paused; // no handshake can begin now; plain players need none
    bool is_unwatched;  // a listener that may accept could not be watched
    bool is_short;      // of descriptors or memory, and that has been said
};

static bool is_tls(const struct accepting *all, unsigned socket)
{
    return all->setup.heritage->certs[all->setup.heritage->socket[socket].listener] != NULL;
}

static void look_again(struct accepting *all)
{
    struct timeval again = {.tv_usec = PAUSE_MS * 1000};
    event_add(all->timer, &again);
}

// Watch the listeners that may accept now. One that cannot be watched is tried again.
static void set_listeners(struct accepting *all)
{
    bool is_unwatched = false;
    for (unsigned i = 0; i < all->setup.heritage->n_sockets; i++) {
        if (!all->listener[i].listener)
            continue;
        if (all->is_paused || (all->is_tls_paused && is_tls(all, i)))
            evconnlistener_disable(all->listener[i].listener);
        else
            is_unwatched |= evconnlistener_enable(all->listener[i].listener) < 0;
    }
    if (is_unwatched && !all->is_unwatched)
        log_event(LOG_ACCEPT_PAUSED, "why=\"a listener cannot be watched: %s\"", strerror(errno));
    else if (!is_unwatched && all->is_unwatched)
        log_event(LOG_ACCEPT_RESUMED, "%s", "");
    all->is_unwatched = is_unwatched;
    if (is_unwatched)
        look_again(all);
}

static void pause_some(struct accepting *all, bool *is_paused, const char *why)
{
    if (!*is_paused && !all->is_short)
        log_event(LOG_ACCEPT_PAUSED, "why=\"%s\"", why);
    *is_paused = true;
    set_listeners(all);
    look_again(all);
}

// Is there memory for the next slot? That none is free is no reason to keep anybody waiting.
static bool has_memory(struct accepting *all)
{
    return all->setup.has_room(all->setup.arg) || errno == ENOBUFS;
}

void accepting_room(struct accepting *all)
{
    if (!all)
        return;
    if (!has_memory(all)) {
        // A handshake has taken the slot that had memory.
        pause_some(all, &all->is_paused, strerror(errno));
        return;
    }
    bool is_tls_paused = all->is_tls_paused && !handshakes_have_room(all->setup.handshakes);
    if (!all->is_paused && is_tls_paused == all->is_tls_paused)
        return;
    all->is_paused = false;
    all->is_tls_paused = is_tls_paused;
    if (!all->is_short) // otherwise only an accept that succeeds can tell
        log_event(LOG_ACCEPT_RESUMED, "%s", "");
    set_listeners(all);
}

static void try_again(evutil_socket_t fd, short what, void *arg)
{
    struct accepting *all = arg;
    (void)fd;
    (void)what;
    accepting_room(all);
    if (all->is_unwatched)
        set_listeners(all);
    if (all->is_paused || all->is_tls_paused)
        look_again(all);
}

void accepting_check(struct accepting *all)
{
    bool is_waiting = all->is_paused || all->is_tls_paused || all->is_unwatched;
    if (is_waiting && !event_pending(all->timer, EV_TIMEOUT, NULL))
        try_again(-1, EV_TIMEOUT, all);
}

static void set_options(int fd, const struct conf_listener *listener)
{
    int on = 1;
    // Telnet's Synch sends its IAC DM urgent (RFC 854); it must stay in its place.
    setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &on, sizeof on);
    // A line of text is to leave at once (and not wait for the delayed ACK).
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (listener->keepalive_ms == 0)
        return;
    int idle_s = (int)((listener->keepalive_ms + 999) / 1000);
    int interval_s = 60;
    int probes = 10; // a network may be away for ten minutes
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
}

static void refuse(int fd, const uint8_t address[16], const char *why)
{
    char text[ADDRESS_TEXT_BYTES];
    log_event(LOG_REFUSED, "address=%s why=\"%s\"", address_print(text, address), why);
    close(fd);
}

static void take_plain(struct accepting *all, int fd, const uint8_t address[16], uint16_t port,
                       uint16_t listener)
{
    struct arrival arrival = {.port = port, .listener = listener};
    enum gate_verdict verdict = gate_seat(all->setup.gate, address, clock_boot_ms());
    if (verdict != GATE_OPEN) {
        farewell_refuse(all->setup.lingering, fd, false, verdict);
        return;
    }
    memcpy(arrival.address, address, sizeof arrival.address);
    switch (all->setup.take(all->setup.arg, &arrival, fd)) {
    case ARRIVAL_TAKEN:
        break;
    case ARRIVAL_REFUSED: // the taker has said why
        close(fd);
        break;
    case ARRIVAL_FULL:
        farewell_refuse(all->setup.lingering, fd, false, GATE_FULL);
        break;
    case ARRIVAL_SHORT:
        refuse(fd, address, strerror(errno));
        break;
    }
}

static void on_accept(struct evconnlistener *evlistener, evutil_socket_t fd, struct sockaddr *from,
                      int n_from, void *arg)
{
    struct listener *listener = arg;
    struct accepting *all = listener->all;
    const struct heritage *heritage = all->setup.heritage;
    const struct conf_listener *conf = &heritage->conf.listener[listener->index];
    uint8_t address[16];
    uint16_t port = 0;
    (void)evlistener;
    (void)n_from;
    if (all->is_short) {
        all->is_short = false;
        log_event(LOG_ACCEPT_RESUMED, "%s", "");
    }
    address_to_bytes(from, address, &port);
    if (suspects_has_address(heritage->vault.head, address, clock_boot_ms())) {
        refuse(fd, address, "two workers crashed in its handshakes");
        return;
    }
    const struct certs *certs = heritage->certs[listener->index];
    enum gate_verdict verdict = gate_knock(all->setup.gate, address, clock_boot_ms());
    if (verdict != GATE_OPEN) {
        farewell_refuse(all->setup.lingering, fd, certs != NULL, verdict);
        return;
    }
    set_options(fd, conf);
    if (certs && !certs_context(certs))
        refuse(fd, address, "its listener has no certificate that can be used");
    else if (certs)
        handshake_start(all->setup.handshakes, certs_context(certs), fd, address, port,
                        listener->index);
    else
        take_plain(all, fd, address, port, listener->index);
    if (!has_memory(all))
        pause_some(all, &all->is_paused, strerror(errno));
    if (!handshakes_have_room(all->setup.handshakes))
        pause_some(all, &all->is_tls_paused, "max-handshakes are under way");
}

static void on_error(struct evconnlistener *evlistener, void *arg)
{
    struct listener *listener = arg;
    (void)evlistener;
    // EMFILE, ENFILE, ENOBUFS, ENOMEM; any other would repeat at once just the same.
    pause_some(listener->all, &listener->all->is_paused, strerror(EVUTIL_SOCKET_ERROR()));
    listener->all->is_short = true;
}

// Who speaks TLS speaks first. Until then, or for so long, the kernel keeps the connection to
// itself (tcp(7)): who says nothing costs no descriptor. The socket may have been one without TLS.
static void set_deferral(int fd, bool is_tls)
{
    int seconds = is_tls ? DEFER_S : 0;
    setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &seconds, sizeof seconds);
}

struct accepting *accepting_make(const struct accepting_setup *setup)
{
    struct accepting *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->setup = *setup;
    all->timer = evtimer_new(setup->base, try_again, all);
    bool is_ok = all->timer != NULL;
    for (unsigned i = 0; i < setup->heritage->n_sockets; i++) {
        struct listener *listener = &all->listener[i];
        if (setup->heritage->socket[i].fd < 0)
            continue;
        set_deferral(setup->heritage->socket[i].fd, is_tls(all, i));
        listener->all = all;
        listener->index = setup->heritage->socket[i].listener;
        // Made disabled: if enabled, this call would not say that watching has failed.
        listener->listener = evconnlistener_new(setup->base, on_accept, listener,
                                                LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_DISABLED, 0,
                                                setup->heritage->socket[i].fd);
        if (listener->listener)
            evconnlistener_set_error_cb(listener->listener, on_error);
        else
            is_ok = false;
    }
    if (!is_ok) {
        accepting_free(all);
        return NULL;
    }
    if (has_memory(all))
        set_listeners(all);
    else
        pause_some(all, &all->is_paused, strerror(errno));
    return all;
}

void accepting_free(struct accepting *all)
{
    if (!all)
        return;
    for (unsigned i = 0; i < all->setup.heritage->n_sockets; i++)
        if (all->listener[i].listener)
            evconnlistener_free(all->listener[i].listener);
    if (all->timer)
        event_free(all->timer);
    free(all);
}
