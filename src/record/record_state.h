// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where one direction's stream of records stands, between any two records; and what the player's
// records without text cost, so that there is an end to a flood of them.
//
// Errors: none; a flood is false.
#ifndef STAYD_RECORD_STATE_H
#define STAYD_RECORD_STATE_H

#include <stdbool.h>
#include <stdint.h>

// The header of a handshake message: type, length in 3 bytes.
#define RECORD_MESSAGE_HEADER_BYTES 4u

struct record_state {
    uint64_t seq;     // sequence number of the next record
    uint8_t hs_bytes; // an unfinished handshake message: record_message.c says how
    uint8_t hs[3];    // it is kept here
    uint16_t asks;    // answers owed to the peer, ever: KeyUpdate requests (1.3), no_renegotiation
                      // (1.2). Goes round: compare for equality only. One answer does for all.
    uint16_t reserved;
    int32_t debt;     // of records without text, in bytes of text; below 0: paid in advance
    uint32_t paid_ms; // record_pay's last now_ms and n_heard, modulo 2^32
    uint32_t paid_heard;
    uint32_t reserved_2;
};

// What pays for the player's records without text, so that there is an end to a flood of them and
// none to a connection of weeks: time, text that it was sent, and its own text (record_open sees
// that). To be called before record_open. now_ms: a clock that does not go back. n_heard: bytes of
// text for the player, ever. Either may go round at 2^32.
void record_pay(struct record_state *state, uint64_t now_ms, uint64_t n_heard);

// Is this a state that record_open can have left? For vault/verify.c.
bool record_is_valid(const struct record_state *state);

// For record_message.c. A record without text, or a ClientHello, has come. False: there were too
// many.
bool record_charge(struct record_state *state);

// For record_message.c. The player's own text has come, so many bytes of it.
void record_pay_text(struct record_state *state, uint64_t n_text);

#endif
