// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A handshake's first part where a balancer brings the player: its PROXY header (handshake.h).
//
// What has come is looked at, then just the header's bytes are taken: what is behind them is the
// player's, and stays in the socket. As all of a header that is not whole are taken, the socket is not
// ready for ever.
//
// Errors: logged; the connection is closed. A header that is wrong, or missing, is the balancer's.
#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"
#include "entry/handshake_part.h"
#include "vault/suspects.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/socket.h>

static void refuse_header(struct handshake *handshake, const char *why)
{
    char address[ADDRESS_TEXT_BYTES];
    struct handshakes *all = handshake->all;
    log_event(LOG_PROXY_HEADER, "address=%s why=\"%s\"", address_print(address, handshake->address),
              why);
    handshake_end(handshake);
    all->setup.room(all->setup.arg);
}

// A health check has seen that somebody is here, and asks for no more.
static bool has_left(const struct handshake *handshake)
{
    uint8_t byte;
    ssize_t n = recv(handshake->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return handshake->greeting->proxy.is_local && (n == 0 || (n < 0 && errno != EAGAIN));
}

// From now on it counts for the player's networks. False: it may not stay, and is over.
static bool has_place(struct handshake *handshake)
{
    struct handshakes *all = handshake->all;
    struct gate *gate = all->setup.gate;
    gate_let_go(gate, &handshake->held);
    enum gate_verdict verdict = handshakes_make_room(all, handshake->address);
    gate_hold(gate, &handshake->held, verdict == GATE_OPEN ? handshake->address : NULL,
              clock_boot_ms());
    if (verdict != GATE_OPEN)
        handshake_turn_away(handshake, verdict);
    return verdict == GATE_OPEN;
}

// Whom it has named is a newcomer as others are.
static void judge(struct handshake *handshake)
{
    const struct handshakes_setup *setup = &handshake->all->setup;
    char address[ADDRESS_TEXT_BYTES];
    struct arrival arrival = {0};
    memcpy(arrival.address, handshake->address, sizeof arrival.address);
    if (suspects_has_address(setup->view, handshake->address, clock_boot_ms())) {
        log_event(LOG_REFUSED, "address=%s why=\"stayd crashed twice in its handshakes\"",
                  address_print(address, handshake->address));
        handshake_end(handshake);
        setup->room(setup->arg);
        return;
    }
    enum gate_verdict verdict = gate_knock(setup->gate, handshake->address, clock_boot_ms());
    if (verdict != GATE_OPEN)
        handshake_turn_away(handshake, verdict);
    else if (!handshake->context)
        handshake_hand_on(handshake, &arrival, NULL);
    else if (has_place(handshake))
        handshake_begin_tls(handshake);
}

static void take_header(struct handshake *handshake)
{
    struct greeting *greeting = handshake->greeting;
    const char *wrong = proxy_read(greeting->bytes, greeting->n, &greeting->proxy);
    if (wrong) {
        refuse_header(handshake, wrong);
        return;
    }
    greeting->is_read = true;
    if (greeting->proxy.is_named) {
        memcpy(handshake->address, greeting->proxy.from, sizeof handshake->address);
        handshake->port = greeting->proxy.from_port;
    }
    if (has_left(handshake)) {
        struct handshakes *all = handshake->all;
        handshake_end(handshake);
        all->setup.room(all->setup.arg);
        return;
    }
    judge(handshake);
}

static void go_on_later(struct handshake *handshake)
{
    if (errno == EAGAIN || errno == EINTR)
        handshake_await(handshake, EV_READ);
    else if (errno == ENOBUFS || errno == ENOMEM)
        handshake_postpone(handshake);
    else
        handshake_fail(handshake, strerror(errno));
}

void greeting_proceed(struct handshake *handshake)
{
    struct greeting *greeting = handshake->greeting;
    uint8_t *at = greeting->bytes + greeting->n;
    size_t n_header;
    ssize_t n =
        recv(handshake->fd, at, sizeof greeting->bytes - greeting->n, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0) {
        go_on_later(handshake);
        return;
    }
    if (n == 0) {
        handshake_fail(handshake, "the connection was closed before a whole PROXY header");
        return;
    }
    enum proxy_look look = proxy_look(greeting->bytes, greeting->n + (size_t)n, &n_header);
    if (look == PROXY_NONE || look == PROXY_LONG) {
        refuse_header(handshake, look == PROXY_NONE ? "there is none, which proxy asks of it"
                                                    : "it is longer than 4096 bytes, or a line of "
                                                      "more than 107");
        return;
    }
    size_t n_take = look == PROXY_WHOLE ? n_header - greeting->n : (size_t)n;
    OPENSSL_cleanse(at + n_take, (size_t)n - n_take); // the player's
    if (recv(handshake->fd, at, n_take, MSG_DONTWAIT) != (ssize_t)n_take) {
        handshake_fail(handshake, "what was there could not be read");
        return;
    }
    greeting->n += n_take;
    gate_speak(handshake->all->setup.gate, &handshake->held);
    if (look == PROXY_WHOLE)
        take_header(handshake);
    else
        handshake_await(handshake, EV_READ);
}
