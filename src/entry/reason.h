// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Why a handshake has failed, in words that an admin understands.
//
// Errors: none.
#ifndef STAYD_ENTRY_REASON_H
#define STAYD_ENTRY_REASON_H

#include <openssl/ssl.h>

// ssl_error is SSL_get_error's; errno and OpenSSL's queue are as SSL_accept has left them. The words
// are ours or OpenSSL's, never the peer's, and last until the next call.
const char *reason_of(const SSL *ssl, int ssl_error);

#endif
