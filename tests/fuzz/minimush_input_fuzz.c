// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a player of minimush types: telnet and text, byte by byte. Held: the text is what a reader
// as simple as can be finds; answers are few, short and whole commands; a subnegotiation in a frame
// comes out of it again; a line is clean UTF-8 and has every character that was typed and not taken
// back, or is dropped as a whole.
//
// Input: one byte (bit 0: Latin-1, bit 1: begins in a subnegotiation that is passed over, bit 2:
// the game asks for the options that it knows), then what is typed. At each Ctrl-A the game hides
// what is typed, or shows it again.
//
// Errors: abort.
#include "fuzz.h"
#include "line.h"
#include "telnet.h"

// The reader.
struct plain {
    enum { TEXT, COMMAND, OPTION, SUB_OPTION, SUB, SUB_COMMAND } place;
};

static bool is_text(struct plain *plain, uint8_t byte)
{
    switch (plain->place) {
    case TEXT:
        plain->place = byte == 255 ? COMMAND : TEXT;
        return byte != 255;
    case COMMAND:
        plain->place = byte == 250 ? SUB_OPTION : byte > 250 && byte < 255 ? OPTION : TEXT;
        return byte == 255;
    case OPTION:
        plain->place = TEXT;
        return false;
    case SUB_OPTION:
        plain->place = SUB;
        return false;
    case SUB:
        plain->place = byte == 255 ? SUB_COMMAND : SUB;
        return false;
    case SUB_COMMAND:
        plain->place = byte == 240 ? TEXT : SUB;
        return false;
    }
    return false;
}

// What was typed into the line so far.
struct typed {
    size_t n; // characters of Latin-1
    bool is_after_cr;
    bool is_dropped;
};

static void type(struct typed *typed, uint8_t byte)
{
    if (byte == 8 || byte == 127)
        typed->n -= typed->n > 0;
    else if ((byte >= 0x20 || byte == '\t') && !typed->is_dropped)
        typed->n++;
    if (typed->n > LINE_MAX_BYTES) {
        typed->is_dropped = true;
        typed->n = 0;
    }
}

static size_t count_characters(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((uint8_t)*text & 0xc0) != 0x80;
    return n;
}

static void hold_line(const struct line *line, const struct typed *typed)
{
    static char cleaned[sizeof line->text], latin1[sizeof line->text], back[2 * sizeof line->text];
    size_t n = strlen(line->text);
    hold(n <= LINE_MAX_BYTES && n == line->n_text && fuzz_is_plain(line->text, n));
    strcpy(cleaned, line->text);
    line_clean(cleaned);
    hold(strcmp(cleaned, line->text) == 0);
    hold(!typed->is_dropped || line->was_dropped);
    if (line->charset != LINE_LATIN1)
        return;
    hold(line->was_dropped ? n == 0 : count_characters(line->text) == typed->n);
    size_t n_latin1 = line_to_latin1(line->text, n, latin1);
    hold(line_to_utf8(latin1, n_latin1, back, sizeof back) == n && strcmp(back, line->text) == 0);
}

static void take_text(struct line *line, struct typed *typed, uint8_t byte)
{
    bool is_end = byte == '\r' || (byte == '\n' && !typed->is_after_cr);
    if (!is_end)
        type(typed, byte);
    typed->is_after_cr = byte == '\r';
    hold(line_take(line, byte) == is_end);
    if (is_end) {
        hold_line(line, typed);
        *typed = (struct typed){.is_after_cr = typed->is_after_cr};
    }
}

static void hold_answers(struct telnet *telnet)
{
    hold(telnet->n_out <= TELNET_OUT_BYTES && telnet->n_out % 3 == 0);
    hold(telnet->n_answers <= TELNET_MAX_ANSWERS);
    for (unsigned i = 0; i < telnet->n_out; i += 3)
        hold(telnet->out[i] == 255 && telnet->out[i + 1] > 250 && telnet->out[i + 1] < 255);
    telnet->n_out = 0;
}

static void frame(const uint8_t *data, size_t size)
{
    static uint8_t framed[2 * TELNET_SUB_BYTES + 5];
    static struct telnet telnet;
    size_t n = size < TELNET_SUB_BYTES ? size : TELNET_SUB_BYTES;
    size_t n_framed = telnet_frame(TELNET_GMCP, data, n, framed, sizeof framed);
    memset(&telnet, 0, sizeof telnet);
    hold(n_framed >= n + 5);
    for (size_t i = 0; i < n_framed; i++)
        hold(telnet_take(&telnet, framed[i]) == (i + 1 < n_framed ? TELNET_NOTHING : TELNET_SUB));
    hold(telnet.option == TELNET_GMCP && telnet.n_sub == n && memcmp(telnet.sub, data, n) == 0);
}

static void wish(struct telnet *telnet, enum telnet_option option, bool is_ours, bool is_on)
{
    telnet_wish(telnet, option, is_ours, is_on);
    hold_answers(telnet);
    telnet_wish(telnet, option, is_ours, is_on);
    hold(telnet->n_out == 0); // it is said once
}

static void wish_all(struct telnet *telnet)
{
    wish(telnet, TELNET_TTYPE, false, true);
    wish(telnet, TELNET_NAWS, false, true);
    wish(telnet, TELNET_CHARSET, true, true);
    wish(telnet, TELNET_GMCP, true, true);
}

static void hold_event(const struct telnet *telnet, enum telnet_event event)
{
    if (event == TELNET_SUB)
        hold(telnet->n_sub <= TELNET_SUB_BYTES && telnet->sub[telnet->n_sub] == '\0');
    if (event == TELNET_OURS || event == TELNET_THEIRS)
        telnet_is_on(telnet, telnet->option, event == TELNET_OURS); // one that it knows
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct telnet telnet;
    static struct line line;
    struct plain plain = {TEXT};
    struct typed typed = {0};
    struct fuzz_input input = {data, size};
    uint8_t mode = fuzz_byte(&input);
    bool is_hidden = false;
    memset(&telnet, 0, sizeof telnet);
    memset(&line, 0, sizeof line);
    line.charset = mode & 1 ? LINE_LATIN1 : LINE_UTF8;
    if (mode & 2) {
        telnet_begin_void(&telnet);
        plain.place = SUB;
    }
    if (mode & 4)
        wish_all(&telnet);
    if (input.n > 0)
        frame(input.at, input.n);
    while (input.n > 0) {
        uint8_t byte = fuzz_byte(&input);
        enum telnet_event event = telnet_take(&telnet, byte);
        hold((event == TELNET_TEXT) == is_text(&plain, byte));
        hold(telnet_is_idle(&telnet) == (plain.place == TEXT));
        hold_answers(&telnet);
        hold_event(&telnet, event);
        if (event == TELNET_TEXT)
            take_text(&line, &typed, byte);
        if (event == TELNET_TEXT && byte == 1)
            wish(&telnet, TELNET_ECHO, true, is_hidden = !is_hidden);
    }
    return 0;
}
