// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the files telnet*.c share: the protocol's numbers, and following text. Nobody else includes
// this.
//
// Errors: none.
#ifndef STAYD_TELNET_PART_H
#define STAYD_TELNET_PART_H

#include "telnet/telnet.h"

// RFC 854; EOF: RFC 1184. Bytes below EOF are no commands.
enum {
    VERB_EOF = 236,
    VERB_SE = 240,
    VERB_SB = 250,
    VERB_WILL = 251,
    VERB_WONT = 252,
    VERB_DO = 253,
    VERB_DONT = 254,
    IAC = 255,
};

enum { OPTION_MCCP1 = 85, OPTION_MCCP2 = 86, OPTION_MCCP3 = 87, OPTION_UNKNOWN = 255 };

static inline bool telnet_is_mccp(uint8_t option)
{
    return option >= OPTION_MCCP1 && option <= OPTION_MCCP3;
}

// The option that a bit (0 to 63) stands for: the inverse of telnet_option_bit. 0 for a bit that
// stands for none.
uint8_t telnet_option_of(unsigned bit);

// Follow one byte of text, telnet commands taken out and IAC undoubled.
void telnet_text_follow(struct telnet_state *state, bool is_player, uint8_t byte);

// Follow n of them, none of them IAC.
void telnet_text_follow_all(struct telnet_state *state, bool is_player, const uint8_t *in,
                            size_t n);

#endif
