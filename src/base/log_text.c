// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The parts of the log that are text only: quoting what a peer sent, and
// printing the table of events for a terminal and for the manual; see log.h.
//
// Errors: none.
#include "base/log.h"

#include "base/hex.h"

#include <string.h>

static const struct {
    const char *word;
    enum log_level level;
    const char *meaning;
} events[LOG_N_EVENTS] = {
#define X(name, event_word, event_level, event_meaning)                                            \
    [LOG_##name] = {(event_word), LOG_LEVEL_##event_level, (event_meaning)},
#include "base/events.def"
#undef X
};

const char *log_quote(char *out, size_t out_size, const void *bytes, size_t n_bytes)
{
    const uint8_t *in = bytes;
    size_t n = 0;
    size_t cut = 0; // where "..." would go
    for (size_t i = 0; i < n_bytes; i++) {
        bool is_plain = in[i] > ' ' && in[i] < 0x7f && in[i] != '\\' && in[i] != '"';
        size_t n_needed = is_plain ? 1 : 4;
        if (n + n_needed >= out_size) {
            memcpy(out + cut, "...", 4);
            return out;
        }
        if (is_plain) {
            out[n] = (char)in[i];
        } else {
            out[n] = '\\';
            out[n + 1] = 'x';
            hex_write(out + n + 2, &in[i], 1);
        }
        n += n_needed;
        if (n + 4 <= out_size)
            cut = n;
    }
    out[n] = '\0';
    return out;
}

void log_clean(char *line, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((uint8_t)line[i] < ' ' || line[i] == 0x7f)
            line[i] = ' ';
}

const char *log_id(char out[LOG_ID_BYTES], const uint8_t id[16])
{
    *hex_write(out, id, 16) = '\0';
    return out;
}

void log_print_events(FILE *out)
{
    for (int i = 0; i < LOG_N_EVENTS; i++)
        fprintf(out, "%-17s %-8s %s\n", events[i].word, log_level_name(events[i].level),
                events[i].meaning);
}

void log_print_events_mdoc(FILE *out)
{
    fprintf(out, ".Bl -tag -width handshake-failed\n");
    for (int i = 0; i < LOG_N_EVENTS; i++)
        fprintf(out, ".It Sy %s Pq %s\n%s.\n", events[i].word, log_level_name(events[i].level),
                events[i].meaning);
    fprintf(out, ".El\n");
}
