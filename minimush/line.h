// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a player types, made into lines: telnet commands are taken out (RFC 854; none is
// answered), control characters dropped, a backspace obeyed, malformed UTF-8 made harmless.
// Sans-I/O. The whole state is plain data, so that half a line can go through a reboot.
//
// Errors: none; whatever comes in, lines come out.
#ifndef MINIMUSH_LINE_H
#define MINIMUSH_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX_BYTES 8192u

enum line_telnet {
    LINE_TEXT,    // outside of any command
    LINE_IAC,     // after IAC
    LINE_OPTION,  // after IAC WILL, WONT, DO or DONT
    LINE_SUB,     // inside IAC SB ... IAC SE
    LINE_SUB_IAC, // after an IAC in there
    LINE_N_TELNET,
};

struct line {
    uint8_t telnet;   // enum line_telnet
    bool is_after_cr; // an LF or NUL now belongs to the CR
    bool is_cut;      // the line is longer than LINE_MAX_BYTES; the rest is dropped
    bool is_whole;    // text is a whole line, taken by the caller before the next call
    uint32_t n_text;
    char text[LINE_MAX_BYTES + 1]; // a string once is_whole
};

// Take bytes up to the end of a line. Returns how many; line->is_whole says whether a line has
// ended (a CR, an LF or both). The next call begins another line.
size_t line_take(struct line *line, const uint8_t *in, size_t n_in);

// Replace what is not UTF-8, and the C1 controls, by '?'. Never makes it longer.
void line_clean(char *text);

#endif
