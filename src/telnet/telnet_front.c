// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Following what a game has had, byte by byte (telnet_front.h). Subnegotiations end as in
// telnet_filter.c.
// Errors: none.
#include "telnet/telnet_front.h"

#include "telnet/telnet_part.h"

#include <string.h>

#define PLACE_SHIFT 2u

enum place { TEXT, AFTER_IAC, AFTER_VERB, AFTER_SB, IN_SUB, IN_SUB_AFTER_IAC, N_PLACES };

static uint8_t at_place(uint8_t front, enum place place)
{
    unsigned line = front & (FRONT_IN_LINE | FRONT_AFTER_CR);
    return (uint8_t)(line | (unsigned)place << PLACE_SHIFT);
}

static bool is_cr_tail(uint8_t byte)
{
    return byte == '\n' || byte == '\0';
}

static uint8_t take_text(uint8_t front, uint8_t byte)
{
    if (front & FRONT_AFTER_CR && is_cr_tail(byte))
        return 0;
    if (byte == '\r')
        return FRONT_AFTER_CR;
    return byte == '\n' ? 0 : (uint8_t)FRONT_IN_LINE;
}

static uint8_t take_command(uint8_t front, uint8_t byte)
{
    if (byte == IAC)
        return take_text(front, IAC);
    if (byte == VERB_SB)
        return at_place(front, AFTER_SB);
    return at_place(front, byte >= VERB_WILL ? AFTER_VERB : TEXT);
}

static uint8_t take_sub_iac(uint8_t front, uint8_t byte)
{
    if (byte == VERB_SE)
        return at_place(front, TEXT);
    if (byte == IAC || byte < VERB_EOF)
        return at_place(front, IN_SUB);
    return take_command(front, byte);
}

static uint8_t take(uint8_t front, bool is_telnet, uint8_t byte)
{
    if (!is_telnet)
        return take_text(front, byte);
    switch ((enum place)(front >> PLACE_SHIFT)) {
    case TEXT:
        return byte == IAC ? at_place(front, AFTER_IAC) : take_text(front, byte);
    case AFTER_IAC:
        return take_command(front, byte);
    case AFTER_SB:
    case IN_SUB:
        return at_place(front, byte == IAC ? IN_SUB_AFTER_IAC : IN_SUB);
    case IN_SUB_AFTER_IAC:
        return take_sub_iac(front, byte);
    case AFTER_VERB:
    case N_PLACES:
        break;
    }
    return at_place(front, TEXT);
}

// Of text without commands the last two bytes say all.
static bool is_plain(uint8_t front, bool is_telnet, const uint8_t *bytes, size_t n)
{
    return !is_telnet || (front >> PLACE_SHIFT == TEXT && memchr(bytes, IAC, n) == NULL);
}

uint8_t front_follow(uint8_t front, bool is_telnet, const uint8_t *bytes, size_t n)
{
    for (size_t i = n > 2 && is_plain(front, is_telnet, bytes, n) ? n - 2 : 0; i < n; i++)
        front = take(front, is_telnet, bytes[i]);
    return front;
}

size_t front_rest(uint8_t *front, bool is_telnet, const uint8_t *bytes, size_t n)
{
    size_t at = 0;
    while (at < n && (front_is_begun(*front) || (*front && is_cr_tail(bytes[at]))))
        *front = take(*front, is_telnet, bytes[at++]);
    if (at < n) // a byte behind a CR no longer belongs to it
        *front = 0;
    return at;
}

bool front_ends_line(uint8_t front, bool is_telnet, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        bool is_text = !is_telnet || front >> PLACE_SHIFT == TEXT;
        bool is_tail = front & FRONT_AFTER_CR && is_cr_tail(bytes[i]);
        if (is_text && !is_tail && (bytes[i] == '\n' || bytes[i] == '\r'))
            return true;
        front = take(front, is_telnet, bytes[i]);
    }
    return false;
}

bool front_is_valid(uint8_t front)
{
    unsigned line = front & (FRONT_IN_LINE | FRONT_AFTER_CR);
    return front >> PLACE_SHIFT < N_PLACES && line != (FRONT_IN_LINE | FRONT_AFTER_CR);
}
