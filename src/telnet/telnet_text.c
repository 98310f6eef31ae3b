// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Following text: lines in both directions; in the game's also ANSI sequences (ECMA-48; controls
// inside them as a VT100 has it) and UTF-8 characters (RFC 3629). A player's arrow keys are text:
// the game has them in its line.
//
//   NONE -- ESC --> ESC -- [ --> CSI -- 0x40 to 0x7e --> NONE          follow_csi
//                   ESC -- ] P X ^ _ --> STRING -- BEL --> NONE        follow_escape, follow_string
//                                        STRING -- ESC --> STRING_ESC -- \ --> NONE, else as ESC
//                   ESC -- 0x20 to 0x2f --> CHARSET -- 0x30 to 0x7e --> NONE
//                   ESC -- 0x30 to 0x7e --> NONE
//   any but NONE -- CAN, SUB --> NONE; any but STRING -- ESC --> ESC; any but STRING -- 0x80 and up
//   --> NONE, and the byte is looked at anew. Other controls change nothing.
//
// Errors: none.
#include "telnet/telnet_part.h"

#include <string.h>

enum {
    NUL = 0,
    BEL = 7,
    LF = 10,
    CR = 13,
    SO = 0x0e,
    SI = 0x0f,
    CAN = 0x18,
    SUB = 0x1a,
    ESC = 0x1b,
    DEL = 0x7f
};

#define CSI_FLAGS (TELNET_CSI_OTHER | TELNET_CSI_EXTENDED)

static void set(struct telnet_state *state, unsigned flags)
{
    state->flags = (uint8_t)(state->flags | flags);
}

static void clear(struct telnet_state *state, unsigned flags)
{
    state->flags = (uint8_t)(state->flags & ~flags);
}

static void set_ansi(struct telnet_state *state, enum telnet_ansi ansi)
{
    state->ansi = (uint8_t)ansi;
    state->parameter = 0;
    state->listed = 0;
    state->detail = 0;
    clear(state, CSI_FLAGS);
}

static void follow_line(struct telnet_state *state, bool is_visible, uint8_t byte)
{
    bool is_after_cr = (state->flags & TELNET_AFTER_CR) != 0;
    clear(state, TELNET_AFTER_CR);
    if (is_after_cr && (byte == LF || byte == NUL))
        return;
    if (byte == LF || byte == CR) {
        clear(state, TELNET_IN_LINE);
        telnet_terminal_end_line(state);
    } else if (is_visible) {
        set(state, TELNET_IN_LINE);
    }
    if (byte == CR)
        set(state, TELNET_AFTER_CR);
}

// RFC 3629, section 4: the second byte has a range of its own after E0, ED, F0 and F4. The limit of
// the range that is not the usual one stands for it in utf8_next.
static uint8_t second_byte(uint8_t lead)
{
    switch (lead) {
    case 0xe0:
        return 0xa0;
    case 0xed:
        return 0x9f;
    case 0xf0:
        return 0x90;
    case 0xf4:
        return 0x8f;
    default:
        return 0x80;
    }
}

static bool is_continuation(uint8_t next, uint8_t byte)
{
    if (next == 0x9f || next == 0x8f)
        return byte >= 0x80 && byte <= next;
    return byte >= next && byte <= 0xbf;
}

static void follow_utf8(struct telnet_state *state, uint8_t byte)
{
    if (state->utf8_left > 0 && is_continuation(state->utf8_next, byte)) {
        state->utf8_left--;
        state->utf8_next = state->utf8_left > 0 ? 0x80 : 0;
        return;
    }
    state->utf8_left = 0;
    if (byte >= 0xc2 && byte <= 0xf4)
        state->utf8_left = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1;
    state->utf8_next = state->utf8_left > 0 ? second_byte(byte) : 0;
}

// A parameter of a CSI sequence is over.
static void end_parameter(struct telnet_state *state)
{
    if (state->parameter == 38 || state->parameter == 48 || state->parameter == 58)
        set(state, TELNET_CSI_EXTENDED);
    telnet_terminal_list(state);
}

void telnet_add_digit(struct telnet_state *state, uint8_t digit)
{
    unsigned value = state->parameter * 10u + (digit - '0');
    state->parameter = (uint16_t)(value < UINT16_MAX ? value : UINT16_MAX);
}

static void end_csi(struct telnet_state *state, uint8_t final)
{
    end_parameter(state);
    if (final == 'm' && !(state->flags & TELNET_CSI_OTHER)) {
        if (state->parameter == 0 && !(state->flags & TELNET_CSI_EXTENDED))
            clear(state, TELNET_COLOURED);
        else
            set(state, TELNET_COLOURED);
    }
    telnet_terminal_csi(state, final);
    set_ansi(state, TELNET_ANSI_NONE);
}

static void follow_csi(struct telnet_state *state, uint8_t byte)
{
    if (byte >= '0' && byte <= '9') {
        telnet_add_digit(state, byte);
    } else if (byte == ';') {
        end_parameter(state);
        state->parameter = 0;
    } else if (byte == ':') { // ISO 8613-6: parts of one parameter, as in 38:5:0 and 4:3
        set(state, TELNET_CSI_EXTENDED);
        state->parameter = 0;
    } else if (byte >= 0x40 && byte < DEL) {
        end_csi(state, byte);
    } else if (byte >= 0x20 && byte < 0x40) {
        set(state, TELNET_CSI_OTHER);
        state->detail = byte;
    }
}

static void follow_escape(struct telnet_state *state, uint8_t byte)
{
    if (byte == '[')
        set_ansi(state, TELNET_ANSI_CSI);
    else if (byte == ']' || byte == 'P' || byte == 'X' || byte == '^' || byte == '_')
        set_ansi(state, TELNET_ANSI_STRING);
    else if (byte >= 0x20 && byte < 0x30)
        set_ansi(state, TELNET_ANSI_CHARSET);
    else if (byte >= 0x30 && byte < DEL)
        set_ansi(state, TELNET_ANSI_NONE);
    if (byte == ']')
        telnet_terminal_begin_osc(state);
    if (state->ansi == TELNET_ANSI_CHARSET)
        state->detail = byte;
    if (state->ansi != TELNET_ANSI_NONE)
        return;
    if (byte == 'c') // RIS: all is reset
        clear(state, TELNET_COLOURED);
    telnet_terminal_escape(state, byte);
}

static void follow_string(struct telnet_state *state, uint8_t byte)
{
    if (byte == BEL || byte == ESC) {
        telnet_terminal_end_osc(state);
        set_ansi(state, byte == BEL ? TELNET_ANSI_NONE : TELNET_ANSI_STRING_ESC);
    } else {
        telnet_terminal_osc(state, byte);
    }
}

// Does the byte belong to an ANSI sequence?
static bool follow_ansi(struct telnet_state *state, uint8_t byte)
{
    if (state->ansi == TELNET_ANSI_STRING_ESC)
        set_ansi(state, byte == '\\' ? TELNET_ANSI_STRING_ESC : TELNET_ANSI_ESC);
    if ((byte == SO || byte == SI) && state->ansi != TELNET_ANSI_STRING) {
        telnet_terminal_shift(state, byte == SO);
        return true;
    }
    if (state->ansi == TELNET_ANSI_NONE && byte != ESC)
        return false;
    if (byte == CAN || byte == SUB) {
        set_ansi(state, TELNET_ANSI_NONE);
    } else if (state->ansi == TELNET_ANSI_STRING) {
        follow_string(state, byte);
    } else if (byte == ESC) {
        set_ansi(state, TELNET_ANSI_ESC);
    } else if (byte >= 0x80) {
        set_ansi(state, TELNET_ANSI_NONE);
        return false;
    } else if (state->ansi == TELNET_ANSI_CSI) {
        follow_csi(state, byte);
    } else if (state->ansi == TELNET_ANSI_ESC) {
        follow_escape(state, byte);
    } else if (byte >= 0x30 && byte < DEL) { // CHARSET's end; or the \ of STRING_ESC
        if (state->ansi == TELNET_ANSI_CHARSET)
            telnet_terminal_charset(state, byte);
        set_ansi(state, TELNET_ANSI_NONE);
    }
    return true;
}

void telnet_text_follow(struct telnet_state *state, bool is_player, uint8_t byte)
{
    bool is_visible = true;
    if (byte >= 0x20 && byte < 0x80 && state->ansi == TELNET_ANSI_NONE && state->utf8_left == 0) {
        // Nearly every byte takes this way; the code below would come to the same.
        state->flags = (uint8_t)((state->flags & ~TELNET_AFTER_CR) | TELNET_IN_LINE);
        return;
    }
    if (!is_player) {
        follow_utf8(state, byte);
        is_visible = !follow_ansi(state, byte);
    }
    follow_line(state, is_visible, byte);
}

static bool is_ascii(const uint8_t *in, size_t n)
{
    uint64_t high = 0;
    size_t at = 0;
    for (uint64_t word; n - at >= sizeof word; at += sizeof word) {
        memcpy(&word, in + at, sizeof word);
        high |= word;
    }
    for (; at < n; at++)
        high |= in[at];
    return (high & UINT64_C(0x8080808080808080)) == 0;
}

// Are lines all that these bytes can change? Then the state behind them follows from the last two:
// one byte does not depend on what was before, and a NUL depends on the byte before it alone.
static bool is_plain(const struct telnet_state *state, bool is_player, const uint8_t *in, size_t n)
{
    return is_player || (state->ansi == TELNET_ANSI_NONE && state->utf8_left == 0 &&
                         !telnet_terminal_minds_lines(state) && memchr(in, ESC, n) == NULL &&
                         memchr(in, SO, n) == NULL && memchr(in, SI, n) == NULL && is_ascii(in, n));
}

void telnet_text_follow_all(struct telnet_state *state, bool is_player, const uint8_t *in, size_t n)
{
    for (size_t i = n > 2 && is_plain(state, is_player, in, n) ? n - 2 : 0; i < n; i++)
        telnet_text_follow(state, is_player, in[i]);
}
