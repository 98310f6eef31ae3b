// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Why a handshake has failed, in words that an admin understands.
//
// Errors: none.
#ifndef STAYD_ENTRY_REASON_H
#define STAYD_ENTRY_REASON_H

#include <openssl/ssl.h>

// Reasons of our own, which our callbacks put into OpenSSL's queue.
enum reason {
    REASON_STRICTER = 1, // the name that is asked for leads to a game of stricter listeners
};
void reason_raise(enum reason reason);

// ssl_error is SSL_get_error's; errno and OpenSSL's queue are as SSL_accept has left them. The words
// are ours or OpenSSL's, never the peer's, and last until the next call.
const char *reason_of(const SSL *ssl, int ssl_error);

#endif
