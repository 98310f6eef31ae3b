// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Bytes as hexadecimal digits. They are written in lower case and read in either.
//
// Errors: false where something else than a digit is read.
#ifndef STAYD_BASE_HEX_H
#define STAYD_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEX_LOWER "0123456789abcdef"
#define HEX_DIGITS HEX_LOWER "ABCDEF"

// Write 2 n digits, without an end. Returns what follows them.
static inline char *hex_write(char *out, const void *bytes, size_t n)
{
    const uint8_t *byte = bytes;
    for (size_t i = 0; i < n; i++) {
        *out++ = HEX_LOWER[byte[i] >> 4];
        *out++ = HEX_LOWER[byte[i] & 15];
    }
    return out;
}

// The value of a digit, or -1.
static inline int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

// Read 2 n digits; a string may end before. False: bytes may have been written all the same.
static inline bool hex_read(uint8_t *bytes, const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int high = hex_value(digits[2 * i]);
        int low = high < 0 ? -1 : hex_value(digits[2 * i + 1]);
        if (low < 0)
            return false;
        bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

#endif
