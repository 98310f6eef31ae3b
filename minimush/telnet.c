// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Telnet (telnet.h). Errors: none.
#include "telnet.h"

#include <assert.h>
#include <string.h>

enum { WILL = 251, WONT = 252, DO = 253, DONT = 254, IAC = TELNET_IAC };

enum place { AT_TEXT, AT_IAC, AT_OPTION, AT_SUB_OPTION, AT_SUB, AT_SUB_IAC };

// RFC 1143, section 7, of one side of an option. The queue bit is OPPOSITE: the other thing is
// wanted as soon as the answer is there.
enum state { NO, YES, WANT_NO, WANT_NO_OPPOSITE, WANT_YES, WANT_YES_OPPOSITE };

// Which side of each option may be on. May the other side switch it on unasked?
static const struct {
    uint8_t option;
    bool is_ours;
    bool is_theirs;
    bool is_free;
} known[] = {
    {TELNET_ECHO, true, false, false}, // only while a password is asked for
    {TELNET_TTYPE, false, true, true}, //
    {TELNET_NAWS, false, true, true},  //
    {TELNET_CHARSET, true, true, true}, {TELNET_GMCP, true, false, true},
};

#define N_KNOWN (sizeof known / sizeof known[0])
static_assert(N_KNOWN == sizeof((struct telnet *)0)->ours, "a state for each option");

static int index_of(uint8_t option)
{
    for (int i = 0; i < (int)N_KNOWN; i++)
        if (known[i].option == option)
            return i;
    return -1;
}

static void say(struct telnet *telnet, uint8_t verb, uint8_t option)
{
    if (telnet->n_out + 3u <= TELNET_OUT_BYTES && telnet->n_answers < TELNET_MAX_ANSWERS) {
        telnet->n_answers++;
        telnet->out[telnet->n_out++] = IAC;
        telnet->out[telnet->n_out++] = verb;
        telnet->out[telnet->n_out++] = option;
    }
}

// The other side has said that it will, or that we should (is_on), or the contrary. on, off: what
// we say to agree and to refuse. Returns whether the option has changed.
static bool agree(struct telnet *telnet, uint8_t *state, bool may_be, bool is_on, uint8_t on,
                  uint8_t off)
{
    uint8_t before = *state;
    switch ((enum state)before) {
    case NO:
        if (is_on && may_be) {
            *state = YES;
            say(telnet, on, telnet->option);
        } else if (is_on) {
            say(telnet, off, telnet->option);
        }
        break;
    case YES:
        if (!is_on) {
            *state = NO;
            say(telnet, off, telnet->option);
        }
        break;
    case WANT_NO: // "yes" as the answer to "no" is the other side's mistake: it counts as no
        *state = NO;
        break;
    case WANT_NO_OPPOSITE:
        *state = WANT_YES;
        say(telnet, on, telnet->option);
        break;
    case WANT_YES:
        *state = is_on ? YES : NO;
        break;
    case WANT_YES_OPPOSITE:
        *state = is_on ? WANT_NO : NO;
        if (is_on)
            say(telnet, off, telnet->option);
        break;
    }
    return (before == YES) != (*state == YES);
}

static enum telnet_event take_option(struct telnet *telnet, uint8_t option)
{
    bool is_ours = telnet->verb == DO || telnet->verb == DONT;
    bool is_on = telnet->verb == DO || telnet->verb == WILL;
    uint8_t on = is_ours ? WILL : DO;
    uint8_t off = is_ours ? WONT : DONT;
    int i = index_of(option);
    telnet->option = option;
    if (i < 0) {
        if (is_on)
            say(telnet, off, option);
        return TELNET_NOTHING;
    }
    uint8_t *state = is_ours ? &telnet->ours[i] : &telnet->theirs[i];
    bool may_be = known[i].is_free && (is_ours ? known[i].is_ours : known[i].is_theirs);
    if (!agree(telnet, state, may_be, is_on, on, off))
        return TELNET_NOTHING;
    return is_ours ? TELNET_OURS : TELNET_THEIRS;
}

static void add_sub(struct telnet *telnet, uint8_t byte)
{
    if (telnet->n_sub < TELNET_SUB_BYTES)
        telnet->sub[telnet->n_sub++] = byte;
    else
        telnet->is_void = true;
}

static enum telnet_event end_sub(struct telnet *telnet)
{
    bool is_whole = !telnet->is_void && index_of(telnet->option) >= 0;
    telnet->place = AT_TEXT;
    telnet->is_void = false;
    telnet->sub[telnet->n_sub] = '\0';
    return is_whole ? TELNET_SUB : TELNET_NOTHING;
}

static enum telnet_event take_command(struct telnet *telnet, uint8_t byte)
{
    telnet->place = AT_TEXT;
    if (byte == IAC)
        return TELNET_TEXT;
    telnet->is_heard = true;
    if (byte == TELNET_SB) {
        telnet->place = AT_SUB_OPTION;
    } else if (byte >= WILL && byte <= DONT) {
        telnet->verb = byte;
        telnet->place = AT_OPTION;
    }
    return TELNET_NOTHING;
}

enum telnet_event telnet_take(struct telnet *telnet, uint8_t byte)
{
    switch ((enum place)telnet->place) {
    case AT_TEXT:
        telnet->place = byte == IAC ? AT_IAC : AT_TEXT;
        return byte == IAC ? TELNET_NOTHING : TELNET_TEXT;
    case AT_IAC:
        return take_command(telnet, byte);
    case AT_OPTION:
        telnet->place = AT_TEXT;
        return take_option(telnet, byte);
    case AT_SUB_OPTION:
        telnet->option = byte;
        telnet->n_sub = 0;
        telnet->place = AT_SUB;
        break;
    case AT_SUB:
        if (byte == IAC)
            telnet->place = AT_SUB_IAC;
        else
            add_sub(telnet, byte);
        break;
    case AT_SUB_IAC:
        if (byte == TELNET_SE)
            return end_sub(telnet);
        telnet->place = AT_SUB;
        add_sub(telnet, byte);
        break;
    }
    return TELNET_NOTHING;
}

void telnet_wish(struct telnet *telnet, enum telnet_option option, bool is_ours, bool is_on)
{
    int i = index_of((uint8_t)option);
    assert(i >= 0);
    uint8_t *state = is_ours ? &telnet->ours[i] : &telnet->theirs[i];
    uint8_t on = is_ours ? WILL : DO;
    uint8_t off = is_ours ? WONT : DONT;
    switch ((enum state) * state) {
    case NO:
    case YES:
        if (is_on != (*state == YES)) {
            *state = is_on ? WANT_YES : WANT_NO;
            say(telnet, is_on ? on : off, (uint8_t)option);
        }
        break;
    case WANT_NO:
    case WANT_NO_OPPOSITE:
        *state = is_on ? WANT_NO_OPPOSITE : WANT_NO;
        break;
    case WANT_YES:
    case WANT_YES_OPPOSITE:
        *state = is_on ? WANT_YES : WANT_YES_OPPOSITE;
        break;
    }
}

bool telnet_is_on(const struct telnet *telnet, enum telnet_option option, bool is_ours)
{
    int i = index_of((uint8_t)option);
    assert(i >= 0);
    return (is_ours ? telnet->ours[i] : telnet->theirs[i]) == YES;
}

bool telnet_is_idle(const struct telnet *telnet)
{
    return telnet->place == AT_TEXT;
}

bool telnet_is_void(const struct telnet *telnet)
{
    return telnet->is_void && telnet->place == AT_SUB;
}

void telnet_begin_void(struct telnet *telnet)
{
    telnet->place = AT_SUB;
    telnet->is_void = true;
    telnet->n_sub = 0;
    telnet->option = 0;
}

size_t telnet_frame(enum telnet_option option, const void *bytes, size_t n, uint8_t *out,
                    size_t out_size)
{
    const uint8_t *in = bytes;
    size_t n_out = 0;
    if (out_size < 2 * n + 5)
        return 0;
    out[n_out++] = IAC;
    out[n_out++] = TELNET_SB;
    out[n_out++] = (uint8_t)option;
    for (size_t i = 0; i < n; i++) {
        out[n_out++] = in[i];
        if (in[i] == IAC)
            out[n_out++] = IAC;
    }
    out[n_out++] = IAC;
    out[n_out++] = TELNET_SE;
    return n_out;
}
