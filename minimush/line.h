// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a player types, made into lines: control characters dropped, a backspace obeyed, Latin-1
// made UTF-8, malformed UTF-8 made harmless. Telnet commands have been taken out before (telnet.h).
// Sans-I/O.
//
// A line that is too long is dropped as a whole: half a command is never done.
//
// Errors: none; whatever comes in, lines come out.
#ifndef MINIMUSH_LINE_H
#define MINIMUSH_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX_BYTES 8192u

enum line_charset { LINE_UTF8, LINE_LATIN1, LINE_N_CHARSETS }; // in the file

// What must be known besides an offset to go on with the input there: bits, in the file.
#define LINE_AFTER_CR 1u // an LF or NUL now belongs to the CR before
#define LINE_DROPPING 2u // inside a line that was too long
#define LINE_IN_VOID 4u  // inside a telnet subnegotiation that is passed over

struct line {
    bool is_after_cr;
    bool is_dropping; // too long: the rest of it goes, too
    bool is_whole;    // text is a whole line, taken by the caller before the next call
    bool was_dropped; // ... and there would have been more: it is empty
    uint8_t charset;  // enum line_charset
    uint32_t n_text;
    char text[LINE_MAX_BYTES + 1]; // a string once is_whole
};

// Take a byte. True: a line has ended with it (a CR, an LF or both). The next call begins
// another.
bool line_take(struct line *line, uint8_t byte);

// Give up the line that has begun, as too long.
void line_drop(struct line *line);

// Nothing of a line has come that would have to be seen again.
bool line_is_idle(const struct line *line);

// Replace what is not UTF-8, and the C1 controls, by '?'. Never makes it longer.
void line_clean(char *text);

// Between UTF-8 (clean) and Latin-1, where '?' stands for what it does not have, and for its C1
// controls. Both give back the number of bytes; to UTF-8 it is a string as well, cut at out_size.
size_t line_to_latin1(const char *in, size_t n, char *out);
size_t line_to_utf8(const char *in, size_t n, char *out, size_t out_size);

#endif
