// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Writing and reading the baton (baton.h).
#include "guard/upgrade/baton.h"

#include "base/address.h"
#include "base/text.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

char *baton_shape(const struct conf *conf)
{
    struct text text;
    if (!text_begin(&text))
        return NULL;
    fprintf(text.out, "control %s\nlog %s\n", conf->control, conf->log);
    if (conf->upgrade_programs)
        fprintf(text.out, "upgrade-programs %s\n", conf->upgrade_programs);
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        const struct conf_listener *listener = &conf->listener[i];
        if (listener->is_gone)
            continue;
        for (unsigned j = 0; j < listener->n_addresses; j++)
            fprintf(text.out, "listen %u %s %s\n", i, listener->name, listener->address[j].text);
    }
    for (unsigned i = 0; i < conf->n_games; i++)
        if (*conf->game[i].name && !conf->game[i].is_gone)
            fprintf(text.out, "game %u %s\n", i, conf->game[i].name);
    return text_end(&text);
}

char *baton_gone(const struct conf *conf)
{
    struct text text;
    if (!text_begin(&text))
        return NULL;
    for (unsigned i = 0; i < conf->n_listeners; i++)
        if (conf->listener[i].is_gone)
            fprintf(text.out, "%u %s\n", i, conf->listener[i].name);
    return text_end(&text);
}

// "INDEX NAME", and what may follow. NULL: it is not that.
static const char *read_index(const char *text, unsigned *index)
{
    char *end;
    errno = 0;
    unsigned long number = strtoul(text, &end, 10);
    if (errno || end == text || *end != ' ' || number >= CONF_MAX_LISTENERS)
        return NULL;
    *index = (unsigned)number;
    return end + 1;
}

static_assert(CONF_MAX_LISTENERS == CONF_MAX_GAMES, "read_index is for both");

// Names have no blanks.
static bool copy_name(char name[CONF_NAME_BYTES], const char *text)
{
    size_t n = strcspn(text, " \n");
    if (n == 0 || n >= CONF_NAME_BYTES)
        return false;
    memcpy(name, text, n);
    name[n] = '\0';
    return true;
}

// The address behind the name, as it was written. One that cannot be read is no address of ours.
static void take_address(struct conf_listener *listener, const char *text)
{
    char address[ADDRESS_TEXT_BYTES];
    struct conf_address *it = &listener->address[listener->n_addresses];
    snprintf(address, sizeof address, "%.*s", (int)strcspn(text, "\n"), text);
    if (listener->n_addresses < CONF_MAX_ADDRESSES &&
        !address_parse(address, 0, &it->sockaddr, &it->sockaddr_bytes))
        listener->n_addresses++;
}

static bool take_listener(struct conf *conf, const char *text, bool is_gone)
{
    unsigned index;
    const char *name = read_index(text, &index);
    if (!name || !copy_name(conf->listener[index].name, name))
        return false;
    conf->listener[index].is_gone = is_gone;
    name += strcspn(name, " \n");
    if (*name == ' ')
        take_address(&conf->listener[index], name + 1);
    if (conf->n_listeners <= index)
        conf->n_listeners = index + 1;
    return true;
}

static bool take_game(struct conf *conf, const char *text)
{
    unsigned index;
    const char *name = read_index(text, &index);
    if (!name || !copy_name(conf->game[index].name, name))
        return false;
    if (conf->n_games <= index)
        conf->n_games = index + 1;
    return true;
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return line + (*line == '\n');
}

bool baton_names(const struct baton *baton, struct conf *conf)
{
    memset(conf->listener, 0, sizeof conf->listener);
    memset(conf->game, 0, sizeof conf->game);
    conf->n_listeners = conf->n_games = 0;
    for (const char *line = baton->gone; *line; line = next_line(line))
        if (!take_listener(conf, line, true))
            return false;
    for (const char *line = baton->shape; *line; line = next_line(line))
        if ((strncmp(line, "listen ", 7) == 0 && !take_listener(conf, line + 7, false)) ||
            (strncmp(line, "game ", 5) == 0 && !take_game(conf, line + 5)))
            return false;
    return true;
}

// Each line of the text is a line of its own, behind its key.
static void write_lines(FILE *out, const char *key, const char *text)
{
    for (; *text; text = next_line(text)) {
        fprintf(out, "%s ", key);
        fwrite(text, 1, strcspn(text, "\n"), out);
        fputc('\n', out);
    }
}

enum kind {
    DESCRIPTOR, // int
    NUMBER,     // uint64_t
    TEXT,       // char *: what stands behind the key
    LINES,      // char *: each of its lines stands behind the key
};

static const struct key {
    const char *word;
    enum kind kind;
    bool is_required;
    size_t offset;
} keys[] = {
    {"vault", DESCRIPTOR, true, offsetof(struct baton, vault_fd)},
    {"guard", NUMBER, true, offsetof(struct baton, guard_word)},
    {"table", NUMBER, true, offsetof(struct baton, table_number)},
    {"started", NUMBER, true, offsetof(struct baton, started_ms)},
    {"program", TEXT, true, offsetof(struct baton, program)},
    {"shape", LINES, true, offsetof(struct baton, shape)},
    {"gone", LINES, false, offsetof(struct baton, gone)},
    {"places", LINES, false, offsetof(struct baton, places)},
};

#define N_KEYS (sizeof keys / sizeof *keys)

static void write_value(FILE *out, const struct baton *baton, const struct key *key)
{
    const void *value = (const char *)baton + key->offset;
    switch (key->kind) {
    case DESCRIPTOR:
        fprintf(out, "%s %d\n", key->word, *(const int *)value);
        break;
    case NUMBER:
        fprintf(out, "%s %" PRIu64 "\n", key->word, *(const uint64_t *)value);
        break;
    case TEXT:
        fprintf(out, "%s %s\n", key->word, *(char *const *)value);
        break;
    case LINES:
        write_lines(out, key->word, *(char *const *)value);
        break;
    }
}

char *baton_write(const struct baton *baton)
{
    struct text text;
    if (!text_begin(&text))
        return NULL;
    for (unsigned i = 0; i < N_KEYS; i++)
        write_value(text.out, baton, &keys[i]);
    return text_end(&text);
}

// For each address of the shape, in its order, the place of its socket.
static char *tell_places(const struct heritage *heritage)
{
    const struct conf *conf = &heritage->conf;
    struct text text;
    if (!text_begin(&text))
        return NULL;
    for (unsigned i = 0; i < conf->n_listeners; i++)
        for (unsigned j = 0; !conf->listener[i].is_gone && j < conf->listener[i].n_addresses; j++)
            for (unsigned k = 0; k < heritage->n_sockets; k++)
                if (heritage->socket[k].fd >= 0 && heritage->socket[k].listener == i &&
                    heritage->socket[k].address == j)
                    fprintf(text.out, "%u ", k);
    return text_end(&text);
}

char *baton_make(const struct heritage *heritage, const char *program, uint64_t guard_word,
                 uint64_t table_number)
{
    struct baton baton = {
        .vault_fd = heritage->vault.fd,
        .guard_word = guard_word,
        .table_number = table_number,
        .started_ms = heritage->started_ms,
        .program = (char *)program,
        .shape = baton_shape(&heritage->conf),
        .gone = baton_gone(&heritage->conf),
        .places = tell_places(heritage),
    };
    char *text = baton.shape && baton.gone && baton.places ? baton_write(&baton) : NULL;
    free(baton.shape);
    free(baton.gone);
    free(baton.places);
    return text;
}

static bool read_number(uint64_t *number, const char *value, size_t n_value)
{
    char *end;
    if (n_value == 0 || *value < '0' || *value > '9')
        return false;
    errno = 0;
    *number = strtoull(value, &end, 10);
    return errno == 0 && end == value + n_value;
}

static bool append_line(char **lines, const char *line, size_t n_line)
{
    size_t n = strlen(*lines);
    char *longer = realloc(*lines, n + n_line + 2);
    if (!longer)
        return false;
    memcpy(longer + n, line, n_line);
    memcpy(longer + n + n_line, "\n", 2);
    *lines = longer;
    return true;
}

static bool read_value(struct baton *baton, const struct key *key, const char *text, size_t n_text)
{
    void *value = (char *)baton + key->offset;
    uint64_t number;
    switch (key->kind) {
    case DESCRIPTOR:
        if (!read_number(&number, text, n_text))
            return false;
        if (number <= INT_MAX)
            *(int *)value = (int)number;
        return true;
    case NUMBER:
        return read_number(value, text, n_text);
    case TEXT:
        free(*(char **)value);
        *(char **)value = strndup(text, n_text);
        return *(char **)value != NULL;
    case LINES:
        return append_line(value, text, n_text);
    }
    return false;
}

static bool read_line(struct baton *baton, unsigned *seen, const char *line, size_t n_line)
{
    size_t n_word = strcspn(line, " \n");
    if (n_word >= n_line)
        return false;
    for (unsigned i = 0; i < N_KEYS; i++)
        if (strlen(keys[i].word) == n_word && memcmp(keys[i].word, line, n_word) == 0) {
            *seen |= 1u << i;
            return read_value(baton, &keys[i], line + n_word + 1, n_line - n_word - 1);
        }
    return true;
}

// Has all been read that must be there? A number too large for a descriptor was passed over.
static bool is_whole(const struct baton *baton, unsigned seen)
{
    for (unsigned i = 0; i < N_KEYS; i++)
        if (keys[i].is_required && !(seen & 1u << i))
            return false;
    return baton->vault_fd >= 0;
}

bool baton_read(struct baton *baton, const char *text)
{
    unsigned seen = 0;
    *baton = (struct baton){
        .vault_fd = -1, .shape = strdup(""), .gone = strdup(""), .places = strdup("")};
    if (!baton->shape || !baton->gone || !baton->places)
        return false;
    while (*text) {
        size_t n_line = strcspn(text, "\n");
        if (!read_line(baton, &seen, text, n_line))
            return false;
        text += n_line + (text[n_line] == '\n');
    }
    return is_whole(baton, seen);
}

void baton_free(struct baton *baton)
{
    free(baton->program);
    free(baton->shape);
    free(baton->gone);
    free(baton->places);
    *baton = (struct baton){.vault_fd = -1};
}
