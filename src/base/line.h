// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where lines end that players type: LF, CR LF, CR NUL (RFC 854), and CR alone. Of a CR that is the
// last byte there is, what belongs to it is not known: it counts as CR alone.
//
// Errors: none.
#ifndef STAYD_BASE_LINE_H
#define STAYD_BASE_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool line_is_cr_tail(uint8_t byte)
{
    return byte == '\n' || byte == '\0';
}

// Bytes up to the end of the first line, that end included; 0: no line ends here.
static inline size_t line_bytes(const uint8_t *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '\n')
            return i + 1;
        if (text[i] == '\r')
            return i + 1 < n && line_is_cr_tail(text[i + 1]) ? i + 2 : i + 1;
    }
    return 0;
}

// Does a line end with the first `at` (not 0) of these n bytes?
static inline bool line_ends_at(const uint8_t *text, size_t n, size_t at)
{
    uint8_t last = text[at - 1];
    if (last == '\r')
        return at == n || !line_is_cr_tail(text[at]);
    return last == '\n' || (last == '\0' && (at == 1 || text[at - 2] == '\r'));
}

#endif
