// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From bytes to lines (line.h). Errors: none.
#include "line.h"

#include <string.h>

enum { // RFC 854
    SE = 240,
    SB = 250,
    WILL = 251,
    DONT = 254,
    IAC = 255,
    BACKSPACE = 8,
    DELETE = 127,
};

static void add(struct line *line, uint8_t byte)
{
    if (line->n_text < LINE_MAX_BYTES) {
        line->text[line->n_text++] = (char)byte;
    } else {
        line->is_cut = true;
    }
}

// Take back one character: the continuation bytes of UTF-8 and the byte that begins it.
static void erase(struct line *line)
{
    while (line->n_text > 0 && ((uint8_t)line->text[line->n_text - 1] & 0xc0) == 0x80) {
        line->n_text--;
    }
    if (line->n_text > 0) {
        line->n_text--;
    }
}

static void finish(struct line *line)
{
    line->text[line->n_text] = '\0';
    line_clean(line->text);
    line->is_whole = true;
}

static void take_text(struct line *line, uint8_t byte)
{
    bool is_after_cr = line->is_after_cr;
    line->is_after_cr = byte == '\r';
    if (byte == '\r' || (byte == '\n' && !is_after_cr)) {
        finish(line);
    } else if (byte == BACKSPACE || byte == DELETE) {
        erase(line);
    } else if (byte == '\t') {
        add(line, ' ');
    } else if (byte >= 0x20) {
        add(line, byte);
    }
}

static void take_byte(struct line *line, uint8_t byte)
{
    switch ((enum line_telnet)line->telnet) {
    case LINE_IAC:
        line->telnet = byte == SB                     ? LINE_SUB
                       : byte >= WILL && byte <= DONT ? LINE_OPTION
                                                      : LINE_TEXT;
        if (byte == IAC) {
            take_text(line, byte);
        }
        break;
    case LINE_OPTION:
        line->telnet = LINE_TEXT;
        break;
    case LINE_SUB:
        line->telnet = byte == IAC ? LINE_SUB_IAC : LINE_SUB;
        break;
    case LINE_SUB_IAC:
        line->telnet = byte == SE ? LINE_TEXT : LINE_SUB;
        break;
    default:
        if (byte == IAC) {
            line->telnet = LINE_IAC;
        } else {
            take_text(line, byte);
        }
        break;
    }
}

size_t line_take(struct line *line, const uint8_t *in, size_t n_in)
{
    if (line->is_whole) {
        line->is_whole = false;
        line->is_cut = false;
        line->n_text = 0;
    }
    size_t n = 0;
    while (n < n_in && !line->is_whole) {
        take_byte(line, in[n++]);
    }
    return n;
}

// How many bytes the character at `at` has (RFC 3629); 0: it is none, or a C1 control.
static size_t character_bytes(const uint8_t *at)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (at[0] < 0x80) {
        return 1;
    }
    if (at[0] < 0xc2 || at[0] > 0xf4) {
        return 0;
    }
    size_t n = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    uint32_t value = at[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) { // the string's NUL is not a continuation byte either
        if ((at[i] & 0xc0) != 0x80) {
            return 0;
        }
        value = value << 6 | (at[i] & 0x3fu);
    }
    bool is_wrong = value < least[n] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff) ||
                    value < 0xa0;
    return is_wrong ? 0 : n;
}

void line_clean(char *text)
{
    for (uint8_t *at = (uint8_t *)text; *at != '\0';) {
        size_t n = character_bytes(at);
        if (n == 0) {
            *at = '?';
        }
        at += n > 0 ? n : 1;
    }
}
