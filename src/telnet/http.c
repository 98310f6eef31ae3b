// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The first line of each side (http.h). A request's state: 0 to METHOD_MAX letters of the method
// have come, or TARGET + so many letters of VERSION in a row, behind the method. An answer's: so
// many letters of ANSWER. Errors: none.
#include "telnet/http.h"

#include <string.h>

#define METHOD_MAX 10u // OPTIONS and CONNECT have 7
#define TARGET 16u

static const char version[] = " HTTP/1.";
static const char answer[] = "HTTP/1.";

static uint8_t take_method(uint8_t state, uint8_t byte)
{
    if (byte >= 'A' && byte <= 'Z' && state < METHOD_MAX)
        return (uint8_t)(state + 1);
    return byte == ' ' && state > 0 ? TARGET : HTTP_NOT;
}

static uint8_t take_target(uint8_t state, uint8_t byte)
{
    size_t n = state - TARGET;
    if (byte < ' ' || byte == 0x7f || byte == 0xff)
        return HTTP_NOT;
    if (byte != (uint8_t)version[n])
        return byte == ' ' ? TARGET + 1 : TARGET;
    return n + 1 == sizeof version - 1 ? HTTP_SEEN : (uint8_t)(state + 1);
}

uint8_t http_follow_request(uint8_t state, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n && state < HTTP_SEEN; i++)
        state = state < TARGET ? take_method(state, bytes[i]) : take_target(state, bytes[i]);
    return state;
}

uint8_t http_follow_answer(uint8_t state, const uint8_t *bytes, size_t n)
{
    for (size_t i = 0; i < n && state < HTTP_SEEN; i++) {
        state = bytes[i] == (uint8_t)answer[state] ? (uint8_t)(state + 1) : (uint8_t)HTTP_NOT;
        if (state == sizeof answer - 1)
            state = HTTP_SEEN;
    }
    return state;
}

static bool is_over(uint8_t state)
{
    return state == HTTP_SEEN || state == HTTP_NOT;
}

bool http_is_valid_request(uint8_t state)
{
    return state <= METHOD_MAX || (state >= TARGET && state < TARGET + sizeof version - 1) ||
           is_over(state);
}

bool http_is_valid_answer(uint8_t state)
{
    return state < sizeof answer - 1 || is_over(state);
}
