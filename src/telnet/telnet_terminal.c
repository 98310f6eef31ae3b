// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a game has changed in the player's terminal (ECMA-48, VT100 to VT510, xterm, MXP) and not
// put back: a bit each, in telnet_state.terminal. telnet_text.c says when a sequence is whole;
// telnet_mend.c puts it back.
//
// Errors: none.
#include "telnet/telnet_part.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

enum {
    LINK = 1u << 0, // OSC 8
    REGION = 1u << 1,
    SHIFT = 1u << 2, // another of G0 to G3 than G0 is in use
    G0 = 1u << 3,    // ... G3: it is not ASCII
    KEYPAD = 1u << 7,
    MXP_LOCKED = 1u << 8,
    MXP_LINE = 1u << 9, // up to the line's end
    ORIGIN = 1u << 13,  // one of modes[]
};

#define N_SETS 4u
#define FIRST_MODE 10u

// Behind a question mark; from N_PRIVATE on without one.
static const struct {
    uint16_t number;
    bool is_on;   // where nobody has changed it
    bool is_soft; // DECSTR puts it back
} modes[] = {
    {1049, false, false}, {1047, false, false}, {47, false, false}, // alternate screen
    {6, false, true},                                               // origin: ORIGIN's place
    {7, true, false},                                               // wrapping
    {25, true, true},                                               // cursor
    {5, false, false},                                              // reverse video
    {1, false, true},                                               // cursor keys
    {9, false, false},    {1000, false, false}, {1002, false, false}, {1003, false, false}, // mouse
    {1004, false, false},                                                                   // focus
    {1005, false, false}, {1006, false, false}, {1015, false, false}, {1016, false, false}, // mouse
    {2004, false, false}, // bracketed paste
    {2026, false, false}, // nothing is shown until it ends
    {2, false, true},     // keyboard locked
    {4, false, true},     // insert
    {20, false, false},   // new line
};

#define N_MODES (sizeof modes / sizeof modes[0])
#define N_PRIVATE (N_MODES - 3u)

static_assert(FIRST_MODE + N_MODES <= 32, "telnet_state.terminal");

static uint32_t mode_bit(size_t mode)
{
    return UINT32_C(1) << (FIRST_MODE + mode);
}

void telnet_terminal_list(struct telnet_state *state)
{
    bool is_private = state->detail == '?';
    size_t end = is_private ? N_PRIVATE : N_MODES;
    if (state->parameter)
        state->listed |= REGION;
    if (!is_private && state->detail != 0)
        return;
    for (size_t i = is_private ? 0 : N_PRIVATE; i < end; i++)
        if (modes[i].number == state->parameter)
            state->listed |= mode_bit(i);
}

static void assign(struct telnet_state *state, uint32_t bits, bool is_set)
{
    state->terminal = is_set ? state->terminal | bits : state->terminal & ~bits;
}

static void set_modes(struct telnet_state *state, bool is_on)
{
    for (size_t i = 0; i < N_MODES; i++)
        if (state->listed & mode_bit(i))
            assign(state, mode_bit(i), is_on != modes[i].is_on);
}

// DECSTR (VT510). Terminals differ in wrapping; mouse and paste they leave alone.
static void reset_soft(struct telnet_state *state)
{
    state->terminal &= ~(uint32_t)(REGION | SHIFT | G0 * 0xfu | KEYPAD);
    for (size_t i = 0; i < N_MODES; i++)
        if (modes[i].is_soft)
            assign(state, mode_bit(i), false);
}

// The modes 0 to 4 are for a line or less, 5 to 7 until the next of these.
static void set_mxp(struct telnet_state *state)
{
    if (state->parameter >= 5 && state->parameter <= 7)
        assign(state, MXP_LOCKED, state->parameter != 5);
    assign(state, MXP_LINE,
           state->parameter != 0 && state->parameter != 3 &&
               (state->parameter < 5 || state->parameter > 7));
}

void telnet_terminal_csi(struct telnet_state *state, uint8_t final)
{
    if (state->detail == '!' && final == 'p') {
        reset_soft(state);
        return;
    }
    if (final == 'h' || final == 'l')
        set_modes(state, final == 'h');
    if (state->detail != 0)
        return;
    if (final == 'r')
        assign(state, REGION, state->listed & REGION);
    else if (final == 'z')
        set_mxp(state);
}

void telnet_terminal_escape(struct telnet_state *state, uint8_t final)
{
    if (final == 'c') // RIS
        state->terminal &= MXP_LOCKED | MXP_LINE;
    else if (final == '=' || final == '>')
        assign(state, KEYPAD, final == '=');
    else if (final == 'n' || final == 'o') // LS2, LS3
        assign(state, SHIFT, true);
}

void telnet_terminal_charset(struct telnet_state *state, uint8_t final)
{
    static const char sets[] =
        "()*+";               // and - . / for sets of 96 characters, none of which is ASCII
    if (state->detail == '$') // two bytes a character (ISO 2022)
        assign(state, G0, true);
    for (unsigned i = 0; i < N_SETS; i++)
        if (state->detail == sets[i] || (i > 0 && state->detail == ",-./"[i]))
            assign(state, (uint32_t)G0 << i, state->detail != sets[i] || final != 'B');
}

void telnet_terminal_shift(struct telnet_state *state, bool is_out)
{
    assign(state, SHIFT, is_out);
}

// OSC 8 ; parameters ; address ST, and a link begins; without an address it ends.
enum { OSC_NUMBER = 1, OSC_PARAMETERS, OSC_NO_ADDRESS, OSC_ADDRESS };

void telnet_terminal_begin_osc(struct telnet_state *state)
{
    state->detail = OSC_NUMBER;
}

void telnet_terminal_osc(struct telnet_state *state, uint8_t byte)
{
    bool is_digit = byte >= '0' && byte <= '9';
    switch (state->detail) {
    case OSC_NUMBER:
        if (is_digit)
            telnet_add_digit(state, byte);
        else
            state->detail = byte == ';' && state->parameter == 8 ? OSC_PARAMETERS : 0;
        break;
    case OSC_PARAMETERS:
        if (byte == ';')
            state->detail = OSC_NO_ADDRESS;
        break;
    case OSC_NO_ADDRESS:
        state->detail = OSC_ADDRESS;
        break;
    default:
        break;
    }
}

void telnet_terminal_end_osc(struct telnet_state *state)
{
    if (state->detail == OSC_NO_ADDRESS || state->detail == OSC_ADDRESS)
        assign(state, LINK, state->detail == OSC_ADDRESS);
}

void telnet_terminal_end_line(struct telnet_state *state)
{
    state->terminal &= ~(uint32_t)MXP_LINE;
}

bool telnet_terminal_minds_lines(const struct telnet_state *state)
{
    return state->terminal & MXP_LINE;
}

static char *put(char *out, const char *text)
{
    return stpcpy(out, text);
}

size_t telnet_terminal_restore(uint32_t terminal, char out[TELNET_RESTORE_BYTES])
{
    static const char *const ascii[N_SETS] = {"\x1b(B", "\x1b)B", "\x1b*B", "\x1b+B"};
    char *at = out;
    *at = '\0';
    if (terminal & LINK)
        at = put(at, "\x1b]8;;\x1b\\");
    if (terminal & SHIFT)
        at = put(at, "\x0f");
    for (size_t i = 0; i < N_MODES; i++)
        if (terminal & mode_bit(i))
            at += sprintf(at, "\x1b[%s%u%c", i < N_PRIVATE ? "?" : "", modes[i].number,
                          modes[i].is_on ? 'h' : 'l');
    for (unsigned i = 0; i < N_SETS; i++)
        if (terminal & (uint32_t)G0 << i)
            at = put(at, ascii[i]);
    if (terminal & REGION) // giving up the region moves the cursor, so it is kept
        at = put(at, "\x1b"
                     "7\x1b[r\x1b"
                     "8");
    if (terminal & ORIGIN) // taking back ORIGIN has moved it to the top
        at = put(at, "\x1b[999H");
    if (terminal & KEYPAD)
        at = put(at, "\x1b>");
    if (terminal & (MXP_LOCKED | MXP_LINE)) // the open tags end; open is what MXP begins with
        at = put(at, "\x1b[3z\x1b[5z");
    return (size_t)(at - out);
}
