// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Text in the log. The input is quoted as a peer's, into room of every size, and cleaned as a line.
// Held: what is quoted is graphic ASCII in which no pair can be forged, and means the input again,
// or as much of it as there was room for; a cleaned line has no control character, and nothing else
// of it is changed.
//
// Errors: abort.
#include "base/log.h"
#include "fuzz.h"

#define SIZE_MAX_TRIED 300u

// Takes the quoting back. Returns the number of bytes.
static size_t unquote(uint8_t *out, const char *quoted, size_t n)
{
    size_t n_out = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned value = (uint8_t)quoted[i];
        hold(value > ' ' && value < 0x7f && value != '"');
        if (value == '\\') {
            hold(n - i >= 4 && sscanf(quoted + i, "\\x%2x", &value) == 1);
            i += 3;
        }
        out[n_out++] = (uint8_t)value;
    }
    return n_out;
}

static void quote(const uint8_t *data, size_t size, size_t room)
{
    char *quoted = malloc(room);
    uint8_t *back = malloc(room);
    hold(quoted && back && log_quote(quoted, room, data, size) == quoted);
    size_t n = strnlen(quoted, room);
    hold(n < room);
    size_t n_back = unquote(back, quoted, n);
    bool is_all = n_back == size && (size == 0 || memcmp(back, data, size) == 0);
    if (!is_all) {
        hold(n >= 3 && memcmp(quoted + n - 3, "...", 3) == 0 && room <= 4 * size);
        hold(n_back - 3 < size && memcmp(back, data, n_back - 3) == 0);
    }
    free(quoted);
    free(back);
}

static void clean(const uint8_t *data, size_t size)
{
    char *line = fuzz_string(data, size);
    log_clean(line, size);
    hold(fuzz_is_plain(line, size));
    for (size_t i = 0; i < size; i++)
        hold(line[i] == (char)data[i] || (line[i] == ' ' && !fuzz_is_plain((char *)&data[i], 1)));
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    for (size_t room = 4; room < SIZE_MAX_TRIED && room <= 4 * size + 4; room += 1 + room / 16)
        quote(data, size, room);
    quote(data, size, 4 * size + 4);
    clean(data, size);
    return 0;
}
