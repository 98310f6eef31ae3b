// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where a game stands in a player's input, behind the last byte that it has had: between lines, or
// within a line or a command. In the second case some of the next bytes belong to what that game
// has begun, and are for no other game. Sans-I/O; one byte of state, which lives in the vault.
//
// Lines end with LF, CR LF, CR NUL (RFC 854), or CR alone; an LF or NUL behind a CR belongs to it,
// however late it comes. Where telnet is followed (RFC 854), commands are no part of a line, and a
// line's end is not looked for in a subnegotiation.
//
// Errors: none.
#ifndef STAYD_TELNET_FRONT_H
#define STAYD_TELNET_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRONT_IN_LINE 1u
#define FRONT_AFTER_CR 2u // an LF or NUL now belongs to the line before it
// The other bits: where it is within a telnet command (telnet_front.c). 0: between lines.

// Where `front` is behind n more bytes.
uint8_t front_follow(uint8_t front, bool is_telnet, const uint8_t *bytes, size_t n);

// How many of the n bytes belong to what was begun before them, the line's end included. *front is
// where they leave it: front_is_begun then says that all n do, and more is to come.
size_t front_rest(uint8_t *front, bool is_telnet, const uint8_t *bytes, size_t n);

// Does a line end among these n bytes?
bool front_ends_line(uint8_t front, bool is_telnet, const uint8_t *bytes, size_t n);

// Is it within a line or a command?
static inline bool front_is_begun(uint8_t front)
{
    return (front & ~FRONT_AFTER_CR) != 0;
}

// Is this what front_follow can have left? For vault/verify.c.
bool front_is_valid(uint8_t front);

#endif
