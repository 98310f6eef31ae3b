// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The game's side of telnet: RFC 854, 855 (commands, options), 1143 (agreeing on options without
// loops), 1073 (NAWS), 1091 (TTYPE), 2066 (CHARSET), 857 (ECHO); GMCP is option 201. Sans-I/O: one
// byte in at a time, an event and a few bytes of answer out. The whole state is plain data, so that
// it can go through a reboot.
//
// What the game agrees to is told by telnet_wants. Whatever the other side does, no more
// than TELNET_MAX_ANSWERS answers are given in a connection's life, and a subnegotiation
// that is longer than TELNET_SUB_BYTES is passed over.
//
// Errors: none; whatever comes in, something comes out.
#ifndef MINIMUSH_TELNET_H
#define MINIMUSH_TELNET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TELNET_SUB_BYTES 2048u
#define TELNET_OUT_BYTES 16u
#define TELNET_MAX_ANSWERS 1000u

enum telnet_option {
    TELNET_ECHO = 1,
    TELNET_TTYPE = 24,
    TELNET_NAWS = 31,
    TELNET_CHARSET = 42,
    TELNET_GMCP = 201,
};

enum { TELNET_IAC = 255, TELNET_SB = 250, TELNET_SE = 240 };

enum telnet_event {
    TELNET_NOTHING,
    TELNET_TEXT,   // the byte is the player's text
    TELNET_OURS,   // telnet->option is on or off on our side now (telnet_is_on)
    TELNET_THEIRS, // ... on the player's side
    TELNET_SUB,    // telnet->sub, n_sub: a whole subnegotiation of telnet->option
};

struct telnet {
    uint8_t place;   // enum in telnet.c
    uint8_t verb;    // waits for its option
    uint8_t option;  // of the last event
    bool is_heard;   // the player's program has said something in telnet
    bool is_void;    // the subnegotiation is passed over
    uint8_t ours[5]; // RFC 1143's states, in the order of the options' table
    uint8_t theirs[5];
    uint32_t n_answers;
    uint16_t n_sub;
    uint8_t n_out;
    uint8_t out[TELNET_OUT_BYTES];     // to be sent; the caller sets n_out to 0
    uint8_t sub[TELNET_SUB_BYTES + 1]; // NUL-terminated
};

enum telnet_event telnet_take(struct telnet *telnet, uint8_t byte);

// Say WILL or WONT (is_ours), DO or DONT, unless that is so or on its way. The result is in out.
void telnet_wish(struct telnet *telnet, enum telnet_option option, bool is_ours, bool is_on);

bool telnet_is_on(const struct telnet *telnet, enum telnet_option option, bool is_ours);

// Outside of any command: what was taken so far need not be seen again.
bool telnet_is_idle(const struct telnet *telnet);

// Is inside a subnegotiation that is passed over; go on inside of one.
bool telnet_is_void(const struct telnet *telnet);
void telnet_begin_void(struct telnet *telnet);

// A subnegotiation with its frame, each IAC in it doubled. Returns its bytes; 0: no room in out.
size_t telnet_frame(enum telnet_option option, const void *bytes, size_t n, uint8_t *out,
                    size_t out_size);

#endif
