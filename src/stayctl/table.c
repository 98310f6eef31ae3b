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

static void write_cell(char cell[CELL_BYTES], const struct column *column, const struct reply *item)
{
    const char *value = reply_find(item, column->key);
    switch (column->form) {
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

// The columns end with one without a head.
static void print_table(FILE *out, const struct column *columns, const struct reply *items,
                        size_t n_items)
{
    size_t width[16];
    char cell[CELL_BYTES];
    for (unsigned c = 0; columns[c].head; c++) {
        width[c] = strlen(columns[c].head);
        for (size_t i = 0; i < n_items; i++) {
            write_cell(cell, &columns[c], &items[i]);
            width[c] = strlen(cell) > width[c] ? strlen(cell) : width[c];
        }
    }
    for (size_t i = 0; i <= n_items; i++) {
        for (unsigned c = 0; columns[c].head; c++) {
            bool is_left = columns[c].form == TEXT || columns[c].form == PLACE;
            if (i == 0)
                snprintf(cell, sizeof cell, "%s", columns[c].head);
            else
                write_cell(cell, &columns[c], &items[i - 1]);
            int pad = columns[c + 1].head || !is_left ? (int)width[c] : 0;
            fprintf(out, "%s%*s", c ? "  " : "", is_left ? -pad : pad, cell);
        }
        fputc('\n', out);
    }
}

// "BEFORE" and the value of this key, if there is one.
static void print_if(FILE *out, const char *before, const struct reply *item, const char *key,
                     enum form form)
{
    char cell[CELL_BYTES];
    const char *value = reply_find(item, key);
    if (!*value)
        return;
    if (form == TIME)
        write_time(cell, value);
    else
        write_text(cell, value);
    fprintf(out, "%s%s", before, cell);
}

static void print_value(FILE *out, const char *before, const struct reply *item, const char *key)
{
    fputs(before, out);
    print_words(out, reply_find(item, key));
}

static void print_deaths(FILE *out, const struct reply *stayd)
{
    print_value(out, "workers made: ", stayd, "workers-made");
    print_if(out, "; crashes: ", stayd, "crashes", TEXT);
    print_if(out, "; players closed for that: ", stayd, "poisoned", NUMBER);
    print_if(out, "\nlast death of a worker, ", stayd, "last-death-since", TIME);
    print_if(out, " ago: ", stayd, "last-death", TEXT);
    fputc('\n', out);
}

static void print_upgrade(FILE *out, const struct reply *stayd)
{
    if (!*reply_find(stayd, "upgrade"))
        return;
    print_if(out, "last upgrade, ", stayd, "upgrade-since", TIME);
    print_if(out, " ago: ", stayd, "upgrade", TEXT);
    print_if(out, ", from ", stayd, "upgrade-from", TEXT);
    print_if(out, " to ", stayd, "upgrade-to", TEXT);
    print_if(out, ": ", stayd, "upgrade-why", TEXT);
    fputc('\n', out);
}

// Why games cannot be reached, of those that cannot.
static void print_errors(FILE *out, const struct reply *games, size_t n_games)
{
    bool is_first = true;
    for (size_t i = 0; i < n_games; i++) {
        if (!*reply_find(&games[i], "error"))
            continue;
        print_value(out, is_first ? "\ngame " : "game ", &games[i], "name");
        print_value(out, " cannot be reached: ", &games[i], "error");
        print_value(out, " (", &games[i], "connect");
        fputs(")\n", out);
        is_first = false;
    }
}

static void print_status(FILE *out, const struct ask_answer *answer)
{
    static const struct column columns[] = {
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
        {"CERTIFICATE", "name", TEXT},
        {"LISTENER", "listener", TEXT},
        {"EXPIRES", "expires", TEXT},
        {"DAYS", "days", NUMBER},
        {0},
    };
    size_t n_games = 0; // they come first
    if (answer->n_items == 0)
        return;
    while (1 + n_games < answer->n_items &&
           strcmp(reply_find(&answer->item[1 + n_games], "what"), "game") == 0)
        n_games++;
    const struct reply *stayd = &answer->item[0];
    char uptime[CELL_BYTES];
    write_time(uptime, reply_find(stayd, "uptime"));
    print_value(out, "stayd ", stayd, "version");
    fprintf(out, ", up %s", uptime);
    print_value(out, ": ", stayd, "players");
    print_value(out, " of at most ", stayd, "max-players");
    print_if(out, " players, ", stayd, "stored", NUMBER);
    fputs(*reply_find(stayd, "stored") ? " of them in the service manager's store" : " players",
          out);
    print_if(out, ", which is ", stayd, "store", TEXT);
    print_value(out, "\nguard ", stayd, "guard");
    print_value(out, ", spare ", stayd, "spare");
    print_value(out, ", worker ", stayd, "worker");
    fputs("; ", out);
    print_deaths(out, stayd);
    print_upgrade(out, stayd);
    fputc('\n', out);
    print_table(out, columns, answer->item + 1, n_games);
    print_errors(out, answer->item + 1, n_games);
    if (answer->n_items == 1 + n_games)
        return;
    fputc('\n', out);
    print_table(out, certificate_columns, answer->item + 1 + n_games,
                answer->n_items - 1 - n_games);
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
        print_table(out, columns, answer->item, answer->n_items);
}

static void print_held(FILE *out, const struct ask_answer *answer)
{
    static const struct column columns[] = {
        {"FROM", "address", TEXT}, {"SINCE", "since", TIME}, {"CONN", "conn", TEXT}, {0}};
    if (answer->n_items == 0)
        fputs("nobody waits\n", out);
    else
        print_table(out, columns, answer->item, answer->n_items);
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
