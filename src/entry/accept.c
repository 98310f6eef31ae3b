// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Accepting (accept.h). Not by libevent's listeners, which accept until nobody is left: a flood at one
// would stop all else.
// Errors: shortage pauses all listeners and is looked at again on a timer or when
// something has ended; never spins.
#include "entry/accept.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "entry/certs.h"
#include "entry/farewell.h"
#include "entry/proxy.h"
#include "vault/suspects.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAUSE_MS 100
#define A_TURN 16u // accepted of one socket in a turn of the loop
#define DEFER_S 3
#define FIRST_BYTES 16u // enough to know a PROXY header

struct listener {
    struct accepting *all;
    struct event *event; // NULL: none could be made
    const struct accept_socket *socket;
};

struct accepting {
    struct accepting_setup setup;
    struct listener listener[ACCEPT_MAX_SOCKETS];
    struct event *timer;
    bool is_paused; // everything
    bool
        is_tls_paused; // no handshake can begin now; players who come plain and by themselves need none
    bool is_waiting;   // for the outbox, which mostly flows again in a moment
    bool is_unwatched; // a listener that may accept could not be watched
    bool is_short;     // of descriptors or memory, and that has been said
};

static void look_again(struct accepting *all)
{
    struct timeval again = {.tv_usec = PAUSE_MS * 1000};
    event_add(all->timer, &again);
}

// Does the other side, and is a handshake made of it?
static bool speaks_first(const struct accept_socket *socket)
{
    return socket->certs || conf_is_behind(socket->conf);
}

static bool may_accept(const struct listener *listener)
{
    const struct accepting *all = listener->all;
    return !all->is_paused && !all->is_waiting &&
           !(all->is_tls_paused && speaks_first(listener->socket));
}

// Watch the listeners that may accept now. One that cannot be watched is tried again.
static void set_listeners(struct accepting *all)
{
    bool is_unwatched = false;
    for (unsigned i = 0; i < all->setup.n_sockets; i++) {
        if (!all->listener[i].event)
            continue;
        if (may_accept(&all->listener[i]))
            is_unwatched |= event_add(all->listener[i].event, NULL) < 0;
        else
            event_del(all->listener[i].event);
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

void accepting_room(struct accepting *all)
{
    if (!all || outbox_count(all->setup.outbox))
        return;
    if (all->is_waiting) {
        all->is_waiting = false;
        set_listeners(all);
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

static void take_plain(struct accepting *all, const struct handshake_newcomer *newcomer)
{
    struct arrival arrival = {.port = newcomer->port, .listener = newcomer->listener};
    memcpy(arrival.address, newcomer->address, sizeof arrival.address);
    if (!outbox_put(all->setup.outbox, &arrival, newcomer->fd))
        refuse(newcomer->fd, newcomer->address, "no memory");
}

// The listener is for balancers, and this is none. Mostly what it says is there already (tcp(7),
// TCP_DEFER_ACCEPT): one whose address is missing in `proxy` is told from a stranger.
static void refuse_unnamed(struct accepting *all, const struct handshake_newcomer *newcomer,
                           bool is_tls)
{
    uint8_t bytes[FIRST_BYTES];
    ssize_t n = recv(newcomer->fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    enum gate_verdict why = n > 0 && proxy_begins(bytes, (size_t)n) ? GATE_HEADER : GATE_UNNAMED;
    gate_refuse(all->setup.gate, newcomer->address, why, clock_boot_ms());
    farewell_refuse(all->setup.lingering, newcomer->fd, is_tls, why);
}

// A newcomer, whose descriptor is taken over.
static void let_in(struct listener *listener, int fd, const struct sockaddr *from)
{
    struct accepting *all = listener->all;
    const struct accept_socket *socket = listener->socket;
    const struct certs *certs = socket->certs;
    struct handshake_newcomer newcomer = {.fd = fd, .listener = socket->listener};
    uint8_t *address = newcomer.address;
    address_to_bytes(from, address, &newcomer.port);
    newcomer.is_balancer = networks_have(&socket->conf->proxy, address);
    if (conf_is_behind(socket->conf) && !newcomer.is_balancer) {
        refuse_unnamed(all, &newcomer, certs != NULL);
        return;
    }
    // Whom a balancer brings is judged when it has said that (greeting.c).
    if (!newcomer.is_balancer && suspects_has_address(all->setup.view, address, clock_boot_ms())) {
        refuse(fd, address, "stayd crashed twice in its handshakes");
        return;
    }
    enum gate_verdict verdict =
        newcomer.is_balancer ? GATE_OPEN : gate_knock(all->setup.gate, address, clock_boot_ms());
    if (verdict != GATE_OPEN) {
        farewell_refuse(all->setup.lingering, fd, certs != NULL, verdict);
        return;
    }
    set_options(fd, socket->conf);
    newcomer.context = certs ? certs_context(certs) : NULL;
    if (certs && !newcomer.context)
        refuse(fd, address, "its listener has no certificate that can be used");
    else if (certs || newcomer.is_balancer)
        handshake_start(all->setup.handshakes, &newcomer);
    else
        take_plain(all, &newcomer);
    if (outbox_count(all->setup.outbox) && !all->is_waiting) {
        all->is_waiting = true;
        set_listeners(all);
    }
    if (!handshakes_have_room(all->setup.handshakes))
        pause_some(all, &all->is_tls_paused, "max-handshakes are under way");
}

// A reload has removed it (guard/reload/listen.c). Asked again of the socket itself: one wrong answer must not
// make it deaf for ever.
static bool is_shut(int socket)
{
    int listens;
    socklen_t n = sizeof listens;
    return getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, &listens, &n) == 0 && listens == 0;
}

// One of the socket's queue. False: no more now.
static bool accept_one(struct listener *listener, int socket)
{
    struct accepting *all = listener->all;
    struct sockaddr_storage from;
    socklen_t n_from = sizeof from;
    int fd = accept4(socket, (struct sockaddr *)&from, &n_from, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const int error = errno;
    if (fd < 0 && (error == EINTR || error == ECONNABORTED))
        return true;
    if (fd < 0 && error == EINVAL && is_shut(socket)) {
        event_free(listener->event);
        listener->event = NULL;
        return false;
    }
    if (fd < 0 && error != EAGAIN) {
        // EMFILE, ENFILE, ENOBUFS, ENOMEM; any other would repeat at once just the same.
        pause_some(all, &all->is_paused, strerror(error));
        all->is_short = true;
    }
    if (fd < 0)
        return false;
    if (all->is_short)
        log_event(LOG_ACCEPT_RESUMED, "%s", "");
    all->is_short = false;
    let_in(listener, fd, (const struct sockaddr *)&from);
    return may_accept(listener);
}

// Who is left is in the loop's next turn: the socket stays readable.
static void on_knock(evutil_socket_t socket, short what, void *arg)
{
    (void)what;
    for (unsigned n = 0; n < A_TURN && accept_one(arg, socket); n++)
        ;
}

// Who speaks TLS, or is a balancer, speaks first. Until then, or for so long, the kernel keeps the connection to
// itself (tcp(7)): who says nothing costs no descriptor. The socket may have been one without TLS.
static void set_deferral(int fd, bool does_speak)
{
    int seconds = does_speak ? DEFER_S : 0;
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
    for (unsigned i = 0; i < setup->n_sockets; i++) {
        struct listener *listener = &all->listener[i];
        const struct accept_socket *socket = &setup->sockets[i];
        set_deferral(socket->fd, speaks_first(socket));
        listener->all = all;
        listener->socket = socket;
        listener->event =
            event_new(setup->base, socket->fd, EV_READ | EV_PERSIST, on_knock, listener);
        is_ok &= listener->event != NULL;
    }
    if (!is_ok) {
        accepting_free(all);
        return NULL;
    }
    set_listeners(all);
    return all;
}

void accepting_free(struct accepting *all)
{
    if (!all)
        return;
    for (unsigned i = 0; i < all->setup.n_sockets; i++)
        if (all->listener[i].event)
            event_free(all->listener[i].event);
    if (all->timer)
        event_free(all->timer);
    free(all);
}
