// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From bytes to lines (line.h). Errors: none.
#include "line.h"

#include <string.h>

enum { BACKSPACE = 8, DELETE = 127 };

static void add(struct line *line, uint8_t byte)
{
    if (line->is_dropping)
        return;
    if (line->n_text < LINE_MAX_BYTES)
        line->text[line->n_text++] = (char)byte;
    else
        line_drop(line);
}

// Take back one character: the continuation bytes of UTF-8 and the byte that begins it.
static void erase(struct line *line)
{
    while (line->charset == LINE_UTF8 && line->n_text > 0 &&
           ((uint8_t)line->text[line->n_text - 1] & 0xc0) == 0x80)
        line->n_text--;
    if (line->n_text > 0)
        line->n_text--;
}

// As UTF-8 the line may be too long.
static void make_utf8(struct line *line)
{
    char utf8[2 * LINE_MAX_BYTES + 3];
    size_t n = line_to_utf8(line->text, line->n_text, utf8, sizeof utf8);
    if (n > LINE_MAX_BYTES) {
        line_drop(line);
    } else {
        memcpy(line->text, utf8, n);
        line->n_text = (uint32_t)n;
    }
}

static void finish(struct line *line)
{
    if (line->charset == LINE_LATIN1)
        make_utf8(line);
    line->text[line->n_text] = '\0';
    line_clean(line->text);
    line->is_whole = true;
    line->was_dropped = line->is_dropping;
    line->is_dropping = false;
}

bool line_take(struct line *line, uint8_t byte)
{
    bool is_after_cr = line->is_after_cr;
    if (line->is_whole) {
        line->is_whole = false;
        line->n_text = 0;
    }
    line->is_after_cr = byte == '\r';
    if (byte == '\r' || (byte == '\n' && !is_after_cr))
        finish(line);
    else if (byte == BACKSPACE || byte == DELETE)
        erase(line);
    else if (byte == '\t')
        add(line, ' ');
    else if (byte >= 0x20)
        add(line, byte);
    return line->is_whole;
}

void line_drop(struct line *line)
{
    line->is_dropping = true;
    line->is_whole = false;
    line->n_text = 0;
}

bool line_is_idle(const struct line *line)
{
    return line->is_whole || line->n_text == 0;
}

// How many bytes the character at `at` has (RFC 3629); 0: it is none, or a C1 control.
static size_t character_bytes(const uint8_t *at, uint32_t *value)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    *value = at[0];
    if (at[0] < 0x80)
        return 1;
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    size_t n = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    *value = at[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) { // the string's NUL is not a continuation byte either
        if ((at[i] & 0xc0) != 0x80)
            return 0;
        *value = *value << 6 | (at[i] & 0x3fu);
    }
    bool is_wrong = *value < least[n] || *value > 0x10ffff ||
                    (*value >= 0xd800 && *value <= 0xdfff) || *value < 0xa0;
    return is_wrong ? 0 : n;
}

void line_clean(char *text)
{
    uint32_t value;
    for (uint8_t *at = (uint8_t *)text; *at != '\0';) {
        size_t n = character_bytes(at, &value);
        if (n == 0)
            *at = '?';
        at += n > 0 ? n : 1;
    }
}

size_t line_to_latin1(const char *in, size_t n, char *out)
{
    size_t n_out = 0;
    for (size_t at = 0; at < n;) {
        uint32_t value;
        size_t n_one = character_bytes((const uint8_t *)in + at, &value);
        out[n_out++] = (char)(n_one > 0 && value < 0x100 ? value : '?');
        at += n_one > 0 ? n_one : 1;
    }
    return n_out;
}

size_t line_to_utf8(const char *in, size_t n, char *out, size_t out_size)
{
    size_t n_out = 0;
    for (size_t at = 0; at < n && n_out + 2 < out_size; at++) {
        uint8_t byte = (uint8_t)in[at];
        if (byte < 0x80) {
            out[n_out++] = (char)byte;
        } else if (byte < 0xa0) {
            out[n_out++] = '?';
        } else {
            out[n_out++] = (char)(0xc0u | byte >> 6);
            out[n_out++] = (char)(0x80u | (byte & 0x3fu));
        }
    }
    out[n_out] = '\0';
    return n_out;
}
