// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Handshakes under way (handshake.h).
// Errors: logged here with address and reason; the descriptor is closed. What is short is waited
// for as long as the handshake may last.
//
// A handshake that is over, well or not, has no place and no descriptor any more, and no callback
// comes to it. It is freed after the callbacks (reap), since whoever has ended it may be called by
// others that go on with it.
#include "entry/handshake.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "entry/farewell.h"
#include "entry/takeover.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/queue.h>
#include <unistd.h>

#define AGAIN_MS 20u

struct handshake {
    struct tally_held held;      // first: found by it
    LIST_ENTRY(handshake) entry; // in `list`, or in `over`
    struct handshakes *all;
    SSL *ssl;
    int fd;
    struct event *ready;    // one of EV_READ, EV_WRITE, as OpenSSL asks
    struct event *deadline; // never renewed
    uint8_t address[16];
    uint16_t port;
    uint16_t listener;
    bool is_postponed; // memory or the like is short: the timer goes on with it, no event does
    struct takeover takeover;
};

struct handshakes {
    struct handshakes_setup setup;
    struct event *again; // while one is postponed
    struct event *reaper;
    uint32_t n; // in list
    LIST_HEAD(handshake_list, handshake) list;
    struct handshake_list over; // to be freed
};

static void proceed(evutil_socket_t fd, short what, void *arg);

static void try_postponed(evutil_socket_t fd, short what, void *arg)
{
    struct handshakes *all = arg;
    struct handshake *handshake;
    struct handshake *next;
    (void)fd;
    (void)what;
    for (handshake = LIST_FIRST(&all->list); handshake; handshake = next) {
        next = LIST_NEXT(handshake, entry);
        if (handshake->is_postponed)
            proceed(handshake->fd, 0, handshake);
    }
}

// If what is called for this handshake kills the worker, the guard knows whom to blame.
static void begin_blame(const struct handshake *handshake)
{
    struct vault_head *head = handshake->all->setup.vault->head;
    memcpy(head->serving_address, handshake->address, 16);
    head->serving_address_set = 1;
}

static void end_blame(const struct handshake *handshake)
{
    handshake->all->setup.vault->head->serving_address_set = 0;
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

struct handshakes *handshakes_make(const struct handshakes_setup *setup)
{
    struct handshakes *all = calloc(1, sizeof *all);
    if (!all)
        return NULL;
    all->setup = *setup;
    LIST_INIT(&all->list);
    LIST_INIT(&all->over);
    all->again = evtimer_new(setup->base, try_postponed, all);
    all->reaper = evtimer_new(setup->base, reap, all);
    if (all->again && all->reaper)
        return all;
    handshakes_free(all);
    return NULL;
}

uint32_t handshakes_count(const struct handshakes *handshakes)
{
    return handshakes->n;
}

// It is over; the descriptor is closed unless it has gone with the arrival (fd -1).
static void end(struct handshake *handshake)
{
    struct handshakes *all = handshake->all;
    LIST_REMOVE(handshake, entry);
    LIST_INSERT_HEAD(&all->over, handshake, entry);
    all->n--;
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
        end(LIST_FIRST(&handshakes->list));
    free_all(&handshakes->over);
    if (handshakes->again)
        event_free(handshakes->again);
    if (handshakes->reaper)
        event_free(handshakes->reaper);
    free(handshakes);
}

static void forget_all(struct handshake_list *list)
{
    struct handshake *handshake;
    LIST_FOREACH(handshake, list, entry) {
        SSL_free(handshake->ssl); // says nothing to the player
        handshake->ssl = NULL;
        OPENSSL_cleanse(&handshake->takeover, sizeof handshake->takeover);
    }
}

void handshakes_forget(struct handshakes *handshakes)
{
    forget_all(&handshakes->list);
    forget_all(&handshakes->over);
}

// reason: our words or OpenSSL's, never the peer's.
static void fail(struct handshake *handshake, const char *reason)
{
    char address[ADDRESS_TEXT_BYTES];
    struct handshakes *all = handshake->all;
    log_event(LOG_HANDSHAKE_FAILED, "address=%s reason=\"%s\"",
              address_print(address, handshake->address), reason);
    end(handshake);
    all->setup.room(all->setup.arg);
}

// OpenSSL does not go on with it. Mostly it has written an alert, which is to arrive.
static void fail_saying_why(struct handshake *handshake, const char *reason)
{
    struct lingering *lingering = handshake->all->setup.lingering;
    int fd = handshake->fd;
    handshake->fd = -1;
    fail(handshake, reason);
    linger_close(lingering, fd, NULL, 0);
}

// What is wrong with a player's certificate, when client-certificates = require.
static const char *verify_reason_of(long result)
{
    static char text[160];
    const char *plain = NULL;
    switch (result) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        plain = "expired: the player's certificate, or one that has signed it";
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        plain = "not yet valid: the player's certificate, or one that has signed it";
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
        plain = "untrusted: none of client-ca has signed the player's certificate";
        break;
    default:
        break;
    }
    snprintf(text, sizeof text, "certificate verify failed: %s",
             plain ? plain : X509_verify_cert_error_string(result));
    return text;
}

// The reason in words, from OpenSSL's queue; what players' clients do most is said plainly.
static const char *reason_of(const SSL *ssl, int ssl_error)
{
    unsigned long error = ERR_peek_error();
    int code = ERR_GET_REASON(error);
    if (ssl_error == SSL_ERROR_SYSCALL || code == SSL_R_UNEXPECTED_EOF_WHILE_READING)
        return errno && !error ? strerror(errno) : "the connection was closed";
    if (code == SSL_R_WRONG_VERSION_NUMBER || code == SSL_R_HTTP_REQUEST)
        return "this is not TLS (a client without TLS on the TLS port?)";
    if (code == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return verify_reason_of(SSL_get_verify_result(ssl));
    const char *text = ERR_reason_error_string(error);
    return text ? text : "TLS error";
}

// Go on with this handshake soon. Something is short; errno says what.
static void postpone(struct handshake *handshake)
{
    const struct timeval soon = {.tv_usec = AGAIN_MS * 1000};
    const char *what = strerror(errno);
    handshake->is_postponed = true;
    if (!event_pending(handshake->all->again, EV_TIMEOUT, NULL) &&
        event_add(handshake->all->again, &soon) < 0)
        fail(handshake, what);
}

// All is well, but for a seat: it is told so over TLS, and closed.
static void turn_away(struct handshake *handshake, enum gate_verdict why)
{
    struct handshakes *all = handshake->all;
    const char *words = farewell_words(why);
    // If there is no room in a new connection, so be it.
    if (SSL_write(handshake->ssl, words, (int)strlen(words)) > 0)
        SSL_shutdown(handshake->ssl);
    int fd = handshake->fd;
    handshake->fd = -1;
    end(handshake);
    linger_close(all->setup.lingering, fd, NULL, 0);
    all->setup.room(all->setup.arg);
}

static void finish(struct handshake *handshake)
{
    struct handshakes *all = handshake->all;
    struct arrival arrival = {.port = handshake->port, .listener = handshake->listener};
    enum gate_verdict verdict = gate_seat(all->setup.gate, handshake->address, clock_boot_ms());
    if (verdict != GATE_OPEN) {
        turn_away(handshake, verdict);
        return;
    }
    memcpy(arrival.address, handshake->address, sizeof arrival.address);
    const char *reason = takeover_fill(handshake->ssl, &handshake->takeover, &arrival);
    enum arrival_end how =
        reason ? ARRIVAL_REFUSED : all->setup.take(all->setup.arg, &arrival, handshake->fd);
    switch (how) {
    case ARRIVAL_TAKEN:
        handshake->fd = -1;
        end(handshake);
        all->setup.room(all->setup.arg);
        break;
    case ARRIVAL_REFUSED:
        fail(handshake, reason ? reason : "it was not taken");
        break;
    case ARRIVAL_FULL:
        turn_away(handshake, GATE_FULL);
        break;
    case ARRIVAL_SHORT:
        postpone(handshake); // SSL_accept will say once more that it is complete
        break;
    }
    OPENSSL_cleanse(&arrival, sizeof arrival);
}

static void await(struct handshake *handshake, short what)
{
    if (event_get_events(handshake->ready) != what)
        event_assign(handshake->ready, handshake->all->setup.base, handshake->fd, what, proceed,
                     handshake);
    if (event_add(handshake->ready, NULL) < 0)
        postpone(handshake);
}

static void proceed(evutil_socket_t fd, short what, void *arg)
{
    struct handshake *handshake = arg;
    (void)fd;
    (void)what;
    handshake->is_postponed = false;
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
        postpone(handshake);
    else if (error == SSL_ERROR_WANT_READ)
        await(handshake, EV_READ);
    else if (error == SSL_ERROR_WANT_WRITE)
        await(handshake, EV_WRITE);
    else if (error == SSL_ERROR_SSL)
        fail_saying_why(handshake, reason_of(handshake->ssl, error));
    else
        fail(handshake, reason_of(handshake->ssl, error));
}

static void give_up(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    fail(arg, "not complete within handshake-timeout");
}

static bool set_up(struct handshake *handshake, SSL_CTX *context)
{
    const struct handshakes_setup *setup = &handshake->all->setup;
    struct timeval timeout = {
        .tv_sec = (time_t)(setup->conf->handshake_timeout_ms / 1000),
        .tv_usec = (suseconds_t)(setup->conf->handshake_timeout_ms % 1000 * 1000),
    };
    handshake->ssl = SSL_new(context);
    handshake->ready = event_new(setup->base, handshake->fd, EV_READ, proceed, handshake);
    handshake->deadline = evtimer_new(setup->base, give_up, handshake);
    return handshake->ssl && handshake->ready && handshake->deadline &&
           takeover_watch(handshake->ssl, &handshake->takeover) &&
           SSL_set_fd(handshake->ssl, handshake->fd) == 1 &&
           event_add(handshake->deadline, &timeout) == 0;
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

// Others give way for a newcomer. Not GATE_OPEN: none does.
static enum gate_verdict make_room(const struct handshakes *all, const uint8_t address[16])
{
    enum gate_verdict verdict;
    struct tally_held *held;
    uint64_t now_ms = clock_boot_ms();
    while ((held = gate_look_for_room(all->setup.gate, address, now_ms, &verdict))) {
        struct handshake *handshake = (struct handshake *)(void *)held;
        gate_refuse(all->setup.gate, handshake->address, GATE_GAVE_WAY, now_ms);
        end(handshake);
    }
    return verdict;
}

void handshake_start(struct handshakes *handshakes, SSL_CTX *context, int fd,
                     const uint8_t address[16], uint16_t port, uint16_t listener)
{
    enum gate_verdict verdict = make_room(handshakes, address);
    if (verdict != GATE_OPEN) {
        farewell_refuse(handshakes->setup.lingering, fd, true, verdict);
        return;
    }
    struct handshake *handshake = calloc(1, sizeof *handshake);
    if (!handshake) {
        close(fd);
        return;
    }
    handshake->all = handshakes;
    handshake->fd = fd;
    gate_hold(handshakes->setup.gate, &handshake->held, address, clock_boot_ms());
    memcpy(handshake->address, address, 16);
    handshake->port = port;
    handshake->listener = listener;
    LIST_INSERT_HEAD(&handshakes->list, handshake, entry);
    handshakes->n++;
    if (set_up(handshake, context))
        await(handshake, EV_READ);
    else
        fail(handshake, "no memory");
}
