// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Is a connection HTTP, and no telnet? Games serve both at one port (PennMUSH: its own WebSocket
// and HTTP). The player's first bytes are a request line (RFC 9112, section 3), and the game's
// first bytes, if it has said anything, an answer of HTTP/1. Sans-I/O; one byte of state a
// direction, 0 at the start, which lives in the vault.
//
// Errors: none.
#ifndef STAYD_TELNET_HTTP_H
#define STAYD_TELNET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_SEEN 64u
#define HTTP_NOT 255u

// Follow n more of the player's bytes, from the first one on.
uint8_t http_follow_request(uint8_t state, const uint8_t *bytes, size_t n);

// The same of the game's.
uint8_t http_follow_answer(uint8_t state, const uint8_t *bytes, size_t n);

static inline bool http_is_it(uint8_t request, uint8_t answer)
{
    return request == HTTP_SEEN && answer != HTTP_NOT;
}

// Is this what these can have left? For vault/verify.c.
bool http_is_valid_request(uint8_t state);
bool http_is_valid_answer(uint8_t state);

#endif
