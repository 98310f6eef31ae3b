// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A player's bad line: a socket, for OpenSSL as a BIO, that now and then takes only a part of
// what it is given and then nothing for a while, so that stayd has partial records
// lying about for long; and that reads in small pieces at times.
//
// Errors: those of the socket, passed on as recv and send, or as a BIO does.
#ifndef STAYD_STORM_WIRE_H
#define STAYD_STORM_WIRE_H

#include <openssl/bio.h>
#include <stdint.h>

#include "dice.h"

struct wire {
    int fd;
    struct dice dice;
    uint64_t held_until_us; // nothing is sent before; 0: not held
    bool is_calm;           // be an ordinary socket from now on
};

// As send and recv; EAGAIN while it is held.
ssize_t wire_send(struct wire *wire, const void *from, size_t n);
ssize_t wire_receive(struct wire *wire, void *to, size_t n);

// The BIO refers to *wire, does not own it and does not close its descriptor.
// NULL: out of memory.
BIO *wire_bio(struct wire *wire);

#endif
