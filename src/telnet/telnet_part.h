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

enum {
    OPTION_NEW_ENVIRON = 39, // RFC 1572
    OPTION_MCCP1 = 85,
    OPTION_MCCP2 = 86,
    OPTION_MCCP3 = 87,
    OPTION_MCCPX = 88,      // mudstandards.org/mud/mccpX_draft
    OPTION_FORWARDED = 113, // fuzzball's, include/interface.h there
    OPTION_UNKNOWN = 255
};

static inline bool telnet_is_mccp(uint8_t option)
{
    return option >= OPTION_MCCP1 && option <= OPTION_MCCPX;
}

// The option that a bit (0 to 63) stands for: the inverse of telnet_option_bit. 0 for a bit that
// stands for none.
uint8_t telnet_option_of(unsigned bit);

// Is this an option that only one side is to know of?
bool telnet_is_hidden(const struct telnet_rules *rules, uint8_t option);

// Follow one byte of text, telnet commands taken out and IAC undoubled.
void telnet_text_follow(struct telnet_state *state, bool is_player, uint8_t byte);

// Follow n of them, none of them IAC.
void telnet_text_follow_all(struct telnet_state *state, bool is_player, const uint8_t *in,
                            size_t n);

// telnet_terminal.c. A parameter of a CSI sequence is over; the sequence is; one of ESC and a byte;
// one of ESC, an intermediate (state->detail) and a byte; SO or SI has come.
void telnet_terminal_list(struct telnet_state *state);
void telnet_terminal_csi(struct telnet_state *state, uint8_t final);
void telnet_terminal_escape(struct telnet_state *state, uint8_t final);
void telnet_terminal_charset(struct telnet_state *state, uint8_t final);
void telnet_terminal_shift(struct telnet_state *state, bool is_out);
void telnet_terminal_begin_osc(struct telnet_state *state);
void telnet_terminal_osc(struct telnet_state *state, uint8_t byte);
void telnet_terminal_end_osc(struct telnet_state *state);
void telnet_terminal_end_line(struct telnet_state *state);

// Does the end of a line change anything?
bool telnet_terminal_minds_lines(const struct telnet_state *state);

// What puts all of telnet_state.terminal back, and no more. Returns its length.
#define TELNET_RESTORE_BYTES 256u
size_t telnet_terminal_restore(uint32_t terminal, char out[TELNET_RESTORE_BYTES]);

// One more digit of state->parameter.
void telnet_add_digit(struct telnet_state *state, uint8_t digit);

// telnet_state.environ. Of a player: how many letters of IPADDRESS have come in a row, or
// ENVIRON_CUT. Of a game, and of either side in MCCPX: what its subnegotiation is. 0 outside of
// them.
enum {
    ENVIRON_FIRST = 16, // its first byte is to come
    ENVIRON_SEND = 17,
    ENVIRON_OTHER = 18,
    ENVIRON_BEGIN = 19, // MCCPX: what follows it is compressed
    ENVIRON_CUT = 32,   // a command has come in the player's, which ends it, and is left out
};

// A NEW-ENVIRON subnegotiation begins; a subnegotiation ends.
void telnet_environ_begin(struct telnet_state *state, bool is_player);
void telnet_environ_end(struct telnet_state *state);

// One byte of any subnegotiation, as it is to go on.
uint8_t telnet_environ_pass(struct telnet_state *state, const struct telnet_rules *rules,
                            uint8_t byte);

// Is the subnegotiation one in which the player must not say where it is?
bool telnet_environ_is_guarded(const struct telnet_state *state, const struct telnet_rules *rules);

// Is this command of the player's one that stayd has answered in its place?
bool telnet_environ_is_ours(const struct telnet_state *game, uint8_t verb, uint8_t option);

// The game is dead: the next one has heard and asked nothing.
void telnet_environ_forget(struct telnet_state *game, const struct telnet_state *player);

#endif
