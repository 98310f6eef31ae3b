// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See wire.h.
#include "wire.h"

#include <errno.h>
#include <sys/socket.h>

#include "verdict.h"

#define WIRE_HOLD_ONE_IN 40u
#define WIRE_HOLD_US 40000u
#define WIRE_SIP_ONE_IN 10u

ssize_t wire_send(struct wire *wire, const void *from, size_t n)
{
    if (wire->held_until_us != 0 && now_us() < wire->held_until_us) {
        errno = EAGAIN;
        return -1;
    }
    wire->held_until_us = 0;
    const bool holds = !wire->is_calm && n > 1 && dice_one_in(&wire->dice, WIRE_HOLD_ONE_IN);
    size_t part = holds ? 1 + (size_t)dice_below(&wire->dice, n - 1) : n;
    ssize_t done = send(wire->fd, from, part, MSG_NOSIGNAL);
    if (holds)
        wire->held_until_us = now_us() + 1 + dice_below(&wire->dice, WIRE_HOLD_US);
    return done;
}

ssize_t wire_receive(struct wire *wire, void *to, size_t n)
{
    if (!wire->is_calm && dice_one_in(&wire->dice, WIRE_SIP_ONE_IN))
        n = 1 + (size_t)dice_below(&wire->dice, n);
    return recv(wire->fd, to, n, 0);
}

static bool is_passing(ssize_t done)
{
    return done < 0 && (errno == EAGAIN || errno == EINTR);
}

static int wire_write(BIO *bio, const char *from, int n)
{
    BIO_clear_retry_flags(bio);
    ssize_t done = wire_send(BIO_get_data(bio), from, (size_t)n);
    if (is_passing(done))
        BIO_set_retry_write(bio);
    return (int)done;
}

static int wire_read(BIO *bio, char *to, int n)
{
    BIO_clear_retry_flags(bio);
    ssize_t done = wire_receive(BIO_get_data(bio), to, (size_t)n);
    if (is_passing(done))
        BIO_set_retry_read(bio);
    return (int)done;
}

static long wire_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio, (void)number, (void)pointer;
    return command == BIO_CTRL_FLUSH ? 1 : 0;
}

BIO *wire_bio(struct wire *wire)
{
    static BIO_METHOD *method;
    if (method == NULL) {
        method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "storm wire");
        if (method == NULL)
            return NULL;
        BIO_meth_set_write(method, wire_write);
        BIO_meth_set_read(method, wire_read);
        BIO_meth_set_ctrl(method, wire_ctrl);
    }
    BIO *bio = BIO_new(method);
    if (bio == NULL)
        return NULL;
    BIO_set_data(bio, wire);
    BIO_set_init(bio, 1);
    return bio;
}
