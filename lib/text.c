// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Checks of a peer's texts (text.h). Sans-I/O. Errors: the text becomes "".
#include "text.h"

#include <string.h>

// Decode one character (RFC 3629). Returns its bytes, 0 when it is malformed.
static size_t decode(const uint8_t *in, size_t n_in, uint32_t *character)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (in[0] < 0x80) {
        *character = in[0];
        return 1;
    }
    size_t n = in[0] >= 0xf0 ? 4 : in[0] >= 0xe0 ? 3 : 2;
    if (in[0] < 0xc2 || in[0] > 0xf4 || n > n_in)
        return 0;
    uint32_t value = in[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((in[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (in[i] & 0x3fu);
    }
    *character = value;
    bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
    return value < least[n] || value > 0x10ffff || is_surrogate ? 0 : n;
}

// Direction overrides are refused because they let one name look like another on a screen.
static bool is_printable(uint32_t character)
{
    return character >= 0x20 && !(character >= 0x7f && character <= 0x9f) &&
           !(character >= 0x2028 && character <= 0x202e) &&
           !(character >= 0x2066 && character <= 0x2069) && character != 0xfeff;
}

bool stay_text_take(char *out, size_t out_size, const uint8_t *in, size_t n_in)
{
    out[0] = '\0';
    if (n_in >= out_size)
        return false;
    for (size_t at = 0; at < n_in;) {
        uint32_t character;
        size_t n = decode(in + at, n_in - at, &character);
        if (n == 0 || !is_printable(character))
            return false;
        at += n;
    }
    if (n_in > 0)
        memcpy(out, in, n_in);
    out[n_in] = '\0';
    return true;
}

static bool is_host_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_';
}

bool stay_text_take_host(char *out, size_t out_size, const uint8_t *in, size_t n_in)
{
    out[0] = '\0';
    for (size_t i = 0; i < n_in; i++)
        if (!is_host_byte(in[i]))
            return false;
    return stay_text_take(out, out_size, in, n_in);
}
