// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Answers for people (print.h). What is not plain ASCII is printed as "?", so that nothing from a
// player's side can reach the terminal's controls.
//
// Errors: none.
#include "stayctl/print.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CELL_BYTES 256u

enum form {
    TEXT,
    NUMBER, // to the right
    TIME,   // seconds
    BYTES,
    PLACE, // the host name, or else the address
};

struct column {
    const char *head;
    const char *key;
    enum form form;
};

// Part of a sentence; without a value all of it is left out.
struct phrase {
    const char *before;
    const char *key;
    enum form form;
    const char *after;
};

static void write_time(char cell[CELL_BYTES], const char *seconds)
{
    uint64_t s = strtoull(seconds, NULL, 10);
    if (s < 120)
        snprintf(cell, CELL_BYTES, "%" PRIu64 "s", s);
    else if (s < 7200)
        snprintf(cell, CELL_BYTES, "%" PRIu64 "m", s / 60);
    else if (s < 48 * 3600)
        snprintf(cell, CELL_BYTES, "%" PRIu64 "h%02" PRIu64 "m", s / 3600, s / 60 % 60);
    else
        snprintf(cell, CELL_BYTES, "%" PRIu64 "d%02" PRIu64 "h", s / 86400, s / 3600 % 24);
}

static void write_bytes(char cell[CELL_BYTES], const char *bytes)
{
    static const char *const units[] = {"", "k", "M", "G", "T"};
    uint64_t n = strtoull(bytes, NULL, 10);
    unsigned unit = 0;
    while (n >= 10000 && unit < 4) {
        n /= 1000;
        unit++;
    }
    snprintf(cell, CELL_BYTES, "%" PRIu64 "%s", n, units[unit]);
}

static char plain(char byte)
{
    return (uint8_t)byte < 0x20 || (uint8_t)byte >= 0x7f ? '?' : byte;
}

static void write_text(char cell[CELL_BYTES], const char *value)
{
    snprintf(cell, CELL_BYTES, "%s", *value ? value : "-");
    for (char *at = cell; *at; at++)
        *at = plain(*at);
}

void print_words(FILE *out, const char *words)
{
    for (; *words; words++)
        fputc(plain(*words), out);
}

static void write_cell(char cell[CELL_BYTES], enum form form, const char *key,
                       const struct reply *item)
{
    const char *value = reply_find(item, key);
    switch (form) {
    case TIME:
        write_time(cell, value);
        break;
    case BYTES:
        write_bytes(cell, value);
        break;
    case PLACE:
        write_text(cell, *value ? value : reply_find(item, "address"));
        break;
    case TEXT:
    case NUMBER:
        write_text(cell, value);
        break;
    }
}

// The next item from this one on that says it is such a thing, or NULL. what: NULL, any item.
static const struct reply *find_item(const struct ask_answer *answer, const struct reply *from,
                                     const char *what)
{
    for (; from < answer->item + answer->n_items; from++)
        if (!what || strcmp(reply_find(from, "what"), what) == 0)
            return from;
    return NULL;
}

#define each_item(answer, what, it)                                                                \
    for (const struct reply *it = find_item((answer), (answer)->item, (what)); it;                 \
         it = find_item((answer), it + 1, (what)))

// item: NULL, the head.
static void print_row(FILE *out, const struct column *columns, const size_t *width,
                      const struct reply *item)
{
    char cell[CELL_BYTES];
    for (unsigned c = 0; columns[c].head; c++) {
        bool is_left = columns[c].form == TEXT || columns[c].form == PLACE;
        if (item)
            write_cell(cell, columns[c].form, columns[c].key, item);
        else
            snprintf(cell, sizeof cell, "%s", columns[c].head);
        int pad = columns[c + 1].head || !is_left ? (int)width[c] : 0;
        fprintf(out, "%s%*s", c ? "  " : "", is_left ? -pad : pad, cell);
    }
    fputc('\n', out);
}

// The columns end with one without a head.
static void print_table(FILE *out, const struct column *columns, const struct ask_answer *answer,
                        const char *what)
{
    size_t width[16];
    char cell[CELL_BYTES];
    for (unsigned c = 0; columns[c].head; c++) {
        width[c] = strlen(columns[c].head);
        each_item(answer, what, item) {
            write_cell(cell, columns[c].form, columns[c].key, item);
            width[c] = strlen(cell) > width[c] ? strlen(cell) : width[c];
        }
    }
    print_row(out, columns, width, NULL);
    each_item(answer, what, item)
        print_row(out, columns, width, item);
}

// The same behind an empty line, if there are any.
static void print_more(FILE *out, const struct column *columns, const struct ask_answer *answer,
                       const char *what)
{
    if (!find_item(answer, answer->item, what))
        return;
    fputc('\n', out);
    print_table(out, columns, answer, what);
}

static void print_phrases(FILE *out, const struct phrase *phrases, size_t n_phrases,
                          const struct reply *item)
{
    char cell[CELL_BYTES];
    for (const struct phrase *it = phrases; it < phrases + n_phrases; it++) {
        if (!*reply_find(item, it->key))
            continue;
        fputs(it->before, out);
        if (it->form == TIME) {
            write_time(cell, reply_find(item, it->key));
            fputs(cell, out);
        } else { // of any length
            print_words(out, reply_find(item, it->key));
        }
        fputs(it->after, out);
    }
}

static void print_value(FILE *out, const char *before, const struct reply *item, const char *key)
{
    fputs(before, out);
    print_words(out, reply_find(item, key));
}

static void print_stayd(FILE *out, const struct reply *stayd)
{
    static const struct phrase phrases[] = {
        {"stayd ", "version", TEXT, ""},
        {", up ", "uptime", TIME, ""},
        {": ", "players", NUMBER, ""},
        {" of at most ", "max-players", NUMBER, " players"},
        {", ", "stored", NUMBER, " of them in the service manager's store"},
        {", which is ", "store", TEXT, ""},
        {"\nguard ", "guard", NUMBER, ""},
        {", spare ", "spare", NUMBER, ""},
        {", worker ", "worker", NUMBER, ""},
        {" (", "worker-phase", TEXT, ")"},
        {", entry ", "entry", NUMBER, ""},
        {" (", "entry-phase", TEXT, ")"},
        {"; workers made: ", "workers-made", NUMBER, ""},
        {"; crashes: ", "crashes", TEXT, ""},
        {"; crashes of entries: ", "entry-crashes", NUMBER, ""},
        {"; players closed for that: ", "poisoned", NUMBER, ""},
        {"\nlast death of a worker, ", "last-death-since", TIME, " ago"},
        {": ", "last-death", TEXT, ""},
        {"\nlast upgrade, ", "upgrade-since", TIME, " ago"},
        {": ", "upgrade", TEXT, ""},
        {", from ", "upgrade-from", TEXT, ""},
        {" to ", "upgrade-to", TEXT, ""},
        {": ", "upgrade-why", TEXT, ""},
    };
    print_phrases(out, phrases, sizeof phrases / sizeof *phrases, stayd);
    fputc('\n', out);
}

// Why games cannot be reached, of those that cannot.
static void print_errors(FILE *out, const struct ask_answer *answer)
{
    static const struct phrase phrases[] = {
        {"game ", "name", TEXT, ""},
        {" cannot be reached: ", "error", TEXT, ""},
        {" (", "connect", TEXT, ")"},
    };
    bool is_first = true;
    each_item(answer, "game", game) {
        if (!*reply_find(game, "error"))
            continue;
        fputs(is_first ? "\n" : "", out);
        print_phrases(out, phrases, sizeof phrases / sizeof *phrases, game);
        fputc('\n', out);
        is_first = false;
    }
}

static void print_status(FILE *out, const struct ask_answer *answer)
{
    static const struct column game_columns[] = {
        {"GAME", "name", TEXT},
        {"STATE", "state", TEXT},
        {"SINCE", "since", TIME},
        {"PLAYERS", "players", NUMBER},
        {"HELD", "held", NUMBER},
        {"PID", "pid", NUMBER},
        {"ATTACHED", "attached", TEXT},
        {"RESUME", "resume", TEXT},
        {"ACK", "ack", TEXT},
        {"CONNECT", "connect", TEXT},
        {0},
    };
    static const struct column certificate_columns[] = {
        {"CERTIFICATE", "name", TEXT}, {"KEY", "key", TEXT},     {"LISTENER", "listener", TEXT},
        {"EXPIRES", "expires", TEXT},  {"DAYS", "days", NUMBER}, {0},
    };
    static const struct column limited_columns[] = {
        {"NOT LET IN", "network", TEXT}, {"LIMIT", "limit", TEXT}, {"TIMES", "refused", NUMBER},
        {"SINCE", "since", TIME},        {"LAST", "last", TIME},   {0},
    };
    if (answer->n_items == 0)
        return;
    each_item(answer, "stayd", stayd)
        print_stayd(out, stayd);
    fputc('\n', out);
    print_table(out, game_columns, answer, "game");
    print_errors(out, answer);
    print_more(out, certificate_columns, answer, "certificate");
    print_more(out, limited_columns, answer, "limited");
}

static void print_players(FILE *out, const struct ask_answer *answer)
{
    static const struct column columns[] = {
        {"FROM", "host", PLACE},        {"GAME", "game", TEXT},
        {"LISTENER", "listener", TEXT}, {"TLS", "tls", TEXT},
        {"HELD", "held", TEXT},         {"SINCE", "since", TIME},
        {"IN", "from-player", BYTES},   {"OUT", "to-player", BYTES},
        {"CONN", "conn", TEXT},         {0},
    };
    if (answer->n_items == 0)
        fputs("nobody is connected\n", out);
    else
        print_table(out, columns, answer, NULL);
}

static void print_held(FILE *out, const struct ask_answer *answer)
{
    static const struct column columns[] = {
        {"FROM", "address", TEXT}, {"SINCE", "since", TIME}, {"CONN", "conn", TEXT}, {0}};
    if (answer->n_items == 0)
        fputs("nobody waits\n", out);
    else
        print_table(out, columns, answer, NULL);
}

static void print_notice(FILE *out, const struct ask_answer *answer)
{
    bool is_one = strcmp(reply_find(&answer->end, "players"), "1") == 0;
    print_value(out, "said to ", &answer->end, "players");
    fputs(is_one ? " player\n" : " players\n", out);
    if (!*reply_find(&answer->end, "short"))
        return;
    print_value(out, "with ", &answer->end, "short");
    fputs(" more there was no room now\n", out);
}

void print_reasons(FILE *out, const struct ask_answer *answer)
{
    for (size_t i = 0; i < answer->n_items; i++) {
        const char *text = reply_find(&answer->item[i], "text");
        print_words(out, text);
        fputs(*text ? "\n" : "", out);
    }
}

static void print_upgraded(FILE *out, const struct ask_answer *answer)
{
    print_value(out, "upgraded from ", &answer->end, "from");
    print_value(out, " to ", &answer->end, "to");
    fputc('\n', out);
}

static void print_reload(FILE *out, const struct ask_answer *answer)
{
    print_reasons(out, answer);
    fputs("reloaded\n", out);
}

void print_answer(FILE *out, enum request_verb verb, const struct ask_answer *answer)
{
    if (verb == REQUEST_STATUS)
        print_status(out, answer);
    else if (verb == REQUEST_LIST)
        print_players(out, answer);
    else if (verb == REQUEST_HELD)
        print_held(out, answer);
    else if (verb == REQUEST_NOTICE)
        print_notice(out, answer);
    else if (verb == REQUEST_UPGRADE)
        print_upgraded(out, answer);
    else if (verb == REQUEST_RELOAD)
        print_reload(out, answer);
    else if (verb == REQUEST_KICK)
        fputs(*reply_find(&answer->end, "gone") ? "gone already\n" : "kicked\n", out);
}
