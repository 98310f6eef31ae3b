// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Handshakes under way (handshake.h).
// Errors: logged here with address and reason; the descriptor is closed. What is short is waited
// for as long as the handshake may last.
//
// What is to be calculated is done one step in a turn of the loop, by whose turn it is (gate_next): a
// step can take 4 ms (a signature of RSA-4096), and one network can have many in line.
//
// A handshake that is over, well or not, has no place and no descriptor any more, and no callback
// comes to it. It is freed after the callbacks (reap), since whoever has ended it may be called by
// others that go on with it.
#include "entry/handshake_part.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "entry/farewell.h"
#include "entry/reason.h"
#include "entry/vouch.h"

#include <errno.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define AGAIN_MS 20u
#define FIRST_BYTES 16u // enough to know a PROXY header

static void wait_for_turn(struct handshake *handshake);

static void try_postponed(evutil_socket_t fd, short what, void *arg)
{
    struct handshakes *all = arg;
    struct handshake *handshake;
    (void)fd;
    (void)what;
    LIST_FOREACH(handshake, &all->list, entry)
        if (handshake->is_postponed)
            wait_for_turn(handshake);
}

// If what is called for this handshake kills the entry, the guard knows whom to blame.
static void begin_blame(const struct handshake *handshake)
{
    struct page_pulse *pulse = handshake->all->setup.pulse;
    memcpy(pulse->serving_address, handshake->address, 16);
    pulse->serving_address_set = 1;
}

static void end_blame(const struct handshake *handshake)
{
    handshake->all->setup.pulse->serving_address_set = 0;
}

static void free_all(struct handshake_list *list)
{
    while (!LIST_EMPTY(list)) {
        struct handshake *handshake = LIST_FIRST(list);
        LIST_REMOVE(handshake, entry);
        if (handshake->ready)
            event_free(handshake->ready);
        if (handshake->deadline)
            event_free(handshake->deadline);
        if (handshake->ssl) {
            begin_blame(handshake);
            // Quietly: no alert, and the session stays good for its ticket.
            SSL_set_shutdown(handshake->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
            SSL_free(handshake->ssl);
            end_blame(handshake);
        }
        OPENSSL_cleanse(&handshake->takeover, sizeof handshake->takeover);
        free(handshake->greeting);
        free(handshake);
    }
}

static void reap(evutil_socket_t fd, short what, void *arg)
{
    struct handshakes *all = arg;
    (void)fd;
    (void)what;
    free_all(&all->over);
}

static void take_turn(evutil_socket_t fd, short what, void *arg);

struct handshakes *handshakes_make(const struct handshakes_setup *setup)
{
    struct handshakes *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->setup = *setup;
    LIST_INIT(&all->list);
    LIST_INIT(&all->over);
    all->turn = evtimer_new(setup->base, take_turn, all);
    all->again = evtimer_new(setup->base, try_postponed, all);
    all->reaper = evtimer_new(setup->base, reap, all);
    if (all->turn && all->again && all->reaper)
        return all;
    handshakes_free(all);
    return NULL;
}

uint32_t handshakes_count(const struct handshakes *handshakes)
{
    return handshakes->n;
}

void handshake_end(struct handshake *handshake)
{
    struct handshakes *all = handshake->all;
    LIST_REMOVE(handshake, entry);
    LIST_INSERT_HEAD(&all->over, handshake, entry);
    all->setup.pulse->handshakes = --all->n;
    gate_let_go(all->setup.gate, &handshake->held);
    if (handshake->ready)
        event_del(handshake->ready);
    if (handshake->deadline)
        event_del(handshake->deadline);
    if (handshake->fd >= 0)
        close(handshake->fd);
    handshake->fd = -1;
    event_active(all->reaper, EV_TIMEOUT, 0);
}

void handshakes_free(struct handshakes *handshakes)
{
    if (!handshakes)
        return;
    while (!LIST_EMPTY(&handshakes->list))
        handshake_end(LIST_FIRST(&handshakes->list));
    free_all(&handshakes->over);
    if (handshakes->turn)
        event_free(handshakes->turn);
    if (handshakes->again)
        event_free(handshakes->again);
    if (handshakes->reaper)
        event_free(handshakes->reaper);
    free(handshakes);
}

void handshake_fail(struct handshake *handshake, const char *reason)
{
    char address[ADDRESS_TEXT_BYTES];
    struct handshakes *all = handshake->all;
    log_event(LOG_HANDSHAKE_FAILED, "address=%s reason=\"%s\"",
              address_print(address, handshake->address), reason);
    handshake_end(handshake);
    all->setup.room(all->setup.arg);
}

void handshake_turn_away(struct handshake *handshake, enum gate_verdict verdict)
{
    struct handshakes *all = handshake->all;
    int fd = handshake->fd;
    handshake->fd = -1;
    handshake_end(handshake);
    farewell_refuse(all->setup.lingering, fd, handshake->context != NULL, verdict);
    all->setup.room(all->setup.arg);
}

// OpenSSL does not go on with it. Mostly it has written an alert, which is to arrive.
static void fail_saying_why(struct handshake *handshake, const char *reason)
{
    struct lingering *lingering = handshake->all->setup.lingering;
    int fd = handshake->fd;
    handshake->fd = -1;
    handshake_fail(handshake, reason);
    linger_close(lingering, fd, NULL, 0);
}

void handshake_postpone(struct handshake *handshake)
{
    const struct timeval soon = {.tv_usec = AGAIN_MS * 1000};
    const char *what = strerror(errno);
    handshake->is_postponed = true;
    if (!event_pending(handshake->all->again, EV_TIMEOUT, NULL) &&
        event_add(handshake->all->again, &soon) < 0)
        handshake_fail(handshake, what);
}

void handshake_hand_on(struct handshake *handshake, struct arrival *arrival, const char *reason)
{
    struct handshakes *all = handshake->all;
    arrival->port = handshake->port;
    arrival->listener = handshake->listener;
    if (handshake->greeting)
        vouch_fill(arrival, &handshake->greeting->proxy);
    if (!reason && !outbox_put(all->setup.outbox, arrival, handshake->fd))
        reason = "no memory";
    if (reason) {
        handshake_fail(handshake, reason);
    } else {
        handshake->fd = -1;
        handshake_end(handshake);
        all->setup.room(all->setup.arg);
    }
    OPENSSL_cleanse(arrival, sizeof *arrival);
}

static void finish(struct handshake *handshake)
{
    struct arrival arrival = {0};
    memcpy(arrival.address, handshake->address, sizeof arrival.address);
    const char *reason = takeover_fill(handshake->ssl, &handshake->takeover, &arrival);
    handshake_hand_on(handshake, &arrival, reason);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    wait_for_turn(arg);
}

void handshake_await(struct handshake *handshake, short what)
{
    if (event_get_events(handshake->ready) != what)
        event_assign(handshake->ready, handshake->all->setup.base, handshake->fd, what, on_ready,
                     handshake);
    if (event_add(handshake->ready, NULL) < 0)
        handshake_postpone(handshake);
}

// The first bytes, before OpenSSL reads any. Who has said hello and left cannot go on: the answer would
// be calculated in vain. And a header that nobody may send here is named: OpenSSL would only say that
// it is no TLS. (Of what else is said it is told so.) False: it is over.
static bool may_begin(struct handshake *handshake)
{
    uint8_t first[FIRST_BYTES];
    struct pollfd end = {.fd = handshake->fd, .events = POLLRDHUP};
    ssize_t n = recv(handshake->fd, first, sizeof first, MSG_PEEK | MSG_DONTWAIT);
    if (n > 0 && first[0] == SSL3_RT_HANDSHAKE && poll(&end, 1, 0) > 0) {
        handshake_fail(handshake, "the connection was closed");
        return false;
    }
    if (n <= 0 || !proxy_begins(first, (size_t)n))
        return true;
    gate_refuse(handshake->all->setup.gate, handshake->address, GATE_HEADER, clock_boot_ms());
    handshake_turn_away(handshake, GATE_HEADER);
    return false;
}

static void proceed(struct handshake *handshake)
{
    if (handshake->greeting && !handshake->greeting->is_read) {
        greeting_proceed(handshake);
        return;
    }
    if (BIO_number_read(SSL_get_rbio(handshake->ssl)) == 0 && !may_begin(handshake))
        return;
    begin_blame(handshake);
    ERR_clear_error();
    errno = 0;
    int result = SSL_accept(handshake->ssl);
    if (result == 1) {
        finish(handshake);
        end_blame(handshake);
        return;
    }
    end_blame(handshake);
    bool is_short = errno == ENOBUFS || errno == ENOMEM;
    if (BIO_number_read(SSL_get_rbio(handshake->ssl)) > 0)
        gate_speak(handshake->all->setup.gate, &handshake->held);
    int error = SSL_get_error(handshake->ssl, result);
    if (error == SSL_ERROR_SYSCALL && is_short)
        handshake_postpone(handshake);
    else if (error == SSL_ERROR_WANT_READ)
        handshake_await(handshake, EV_READ);
    else if (error == SSL_ERROR_WANT_WRITE)
        handshake_await(handshake, EV_WRITE);
    else if (error == SSL_ERROR_SSL)
        fail_saying_why(handshake, reason_of(handshake->ssl, error));
    else
        handshake_fail(handshake, reason_of(handshake->ssl, error));
}

static void wait_for_turn(struct handshake *handshake)
{
    handshake->is_postponed = false;
    gate_wait(handshake->all->setup.gate, &handshake->held);
    event_active(handshake->all->turn, EV_TIMEOUT, 0);
}

// After one step the loop looks who has come meanwhile.
static void take_turn(evutil_socket_t fd, short what, void *arg)
{
    struct handshakes *all = arg;
    const struct timeval at_once = {0};
    struct tally_held *held = gate_next(all->setup.gate);
    (void)fd;
    (void)what;
    if (!held)
        return;
    if (event_add(all->turn, &at_once) < 0)
        event_active(all->turn, EV_TIMEOUT, 0);
    proceed((struct handshake *)(void *)held);
}

static void give_up(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    handshake_fail(arg, "not complete within handshake-timeout");
}

static bool set_up(struct handshake *handshake)
{
    const struct handshakes_setup *setup = &handshake->all->setup;
    struct timeval timeout = {
        .tv_sec = (time_t)(setup->conf->handshake_timeout_ms / 1000),
        .tv_usec = (suseconds_t)(setup->conf->handshake_timeout_ms % 1000 * 1000),
    };
    handshake->ready = event_new(setup->base, handshake->fd, EV_READ, on_ready, handshake);
    handshake->deadline = evtimer_new(setup->base, give_up, handshake);
    return handshake->ready && handshake->deadline && event_add(handshake->deadline, &timeout) == 0;
}

void handshake_begin_tls(struct handshake *handshake)
{
    handshake->ssl = SSL_new(handshake->context);
    if (handshake->ssl && takeover_watch(handshake->ssl, &handshake->takeover) &&
        SSL_set_fd(handshake->ssl, handshake->fd) == 1)
        handshake_await(handshake, EV_READ);
    else
        handshake_fail(handshake, "no memory");
}

bool handshake_has_spoken(const struct tally_held *held)
{
    int n = 0;
    return ioctl(((const struct handshake *)(const void *)held)->fd, FIONREAD, &n) == 0 && n > 0;
}

bool handshakes_have_room(const struct handshakes *handshakes)
{
    const struct gate *gate = handshakes->setup.gate;
    return !gate_is_full(gate) || gate_look_everywhere(gate, clock_boot_ms());
}

enum gate_verdict handshakes_make_room(const struct handshakes *all, const uint8_t *address)
{
    enum gate_verdict verdict;
    struct tally_held *held;
    uint64_t now_ms = clock_boot_ms();
    while ((held = gate_look_for_room(all->setup.gate, address, now_ms, &verdict))) {
        struct handshake *handshake = (struct handshake *)(void *)held;
        gate_refuse(all->setup.gate, handshake->address, GATE_GAVE_WAY, now_ms);
        handshake_end(handshake);
    }
    return verdict;
}

// One more, whose place is counted for this address, or for none. NULL without memory.
static struct handshake *begin(struct handshakes *all, const struct handshake_newcomer *newcomer,
                               const uint8_t *address)
{
    struct handshake *handshake = calloc(1, sizeof *handshake);
    if (!handshake)
        return NULL;
    handshake->all = all;
    handshake->context = newcomer->context;
    handshake->fd = newcomer->fd;
    memcpy(handshake->address, newcomer->address, sizeof handshake->address);
    handshake->port = newcomer->port;
    handshake->listener = newcomer->listener;
    gate_hold(all->setup.gate, &handshake->held, address, clock_boot_ms());
    LIST_INSERT_HEAD(&all->list, handshake, entry);
    all->setup.pulse->handshakes = ++all->n;
    return handshake;
}

void handshake_start(struct handshakes *all, const struct handshake_newcomer *newcomer)
{
    const uint8_t *address = newcomer->is_balancer ? NULL : newcomer->address;
    enum gate_verdict verdict = handshakes_make_room(all, address);
    if (verdict != GATE_OPEN) {
        farewell_refuse(all->setup.lingering, newcomer->fd, newcomer->context != NULL, verdict);
        return;
    }
    struct handshake *handshake = begin(all, newcomer, address);
    if (!handshake) {
        close(newcomer->fd);
        return;
    }
    handshake->greeting = newcomer->is_balancer ? calloc(1, sizeof *handshake->greeting) : NULL;
    if (!set_up(handshake) || (newcomer->is_balancer && !handshake->greeting))
        handshake_fail(handshake, "no memory");
    else if (newcomer->is_balancer)
        handshake_await(handshake, EV_READ);
    else
        handshake_begin_tls(handshake);
}
