// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Writing and reading the baton (baton.h). Errors: as there.
#include "guard/baton.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

char *baton_shape(const struct conf *conf)
{
    char *text = NULL;
    size_t n_text;
    FILE *out = open_memstream(&text, &n_text);
    if (!out)
        return NULL;
    fprintf(out, "control %s\nlog %s\n", conf->control, conf->log);
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        const struct conf_listener *listener = &conf->listener[i];
        for (unsigned j = 0; j < listener->n_addresses; j++)
            fprintf(out, "listen %s %s\n", listener->name, listener->address[j].text);
    }
    for (unsigned i = 0; i < conf->n_games; i++)
        fprintf(out, "game %s\n", conf->game[i].name);
    fclose(out);
    return text;
}

// Each line of the shape is a line of its own, behind its key.
static void write_shape(FILE *out, const char *shape)
{
    while (*shape) {
        int n = (int)strcspn(shape, "\n");
        fprintf(out, "shape %.*s\n", n, shape);
        shape += n + (shape[n] == '\n');
    }
}

char *baton_write(const struct baton *baton)
{
    char *text = NULL;
    size_t n_text;
    FILE *out = open_memstream(&text, &n_text);
    if (!out)
        return NULL;
    fprintf(out, "vault %d\nguard %llu\ntable %llu\nstarted %llu\nprogram %s\n", baton->vault_fd,
            (unsigned long long)baton->guard_word, (unsigned long long)baton->table_number,
            (unsigned long long)baton->started_ms, baton->program);
    write_shape(out, baton->shape);
    fclose(out);
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

static bool append_line(char **shape, const char *line, size_t n_line)
{
    size_t n = strlen(*shape);
    char *longer = realloc(*shape, n + n_line + 2);
    if (!longer)
        return false;
    memcpy(longer + n, line, n_line);
    memcpy(longer + n + n_line, "\n", 2);
    *shape = longer;
    return true;
}

enum { SEEN_VAULT = 1, SEEN_GUARD = 2, SEEN_TABLE = 4, SEEN_STARTED = 8, SEEN_ALL = 15 };

static bool is_key(const char *line, size_t n_key, const char *key)
{
    return n_key == strlen(key) && memcmp(line, key, n_key) == 0;
}

static bool read_line(struct baton *baton, unsigned *seen, const char *line, size_t n_line)
{
    size_t n_key = strcspn(line, " \n");
    if (n_key >= n_line)
        return false;
    const char *value = line + n_key + 1;
    size_t n_value = n_line - n_key - 1;
    uint64_t number;
    if (is_key(line, n_key, "program")) {
        free(baton->program);
        return (baton->program = strndup(value, n_value)) != NULL;
    }
    if (is_key(line, n_key, "shape"))
        return append_line(&baton->shape, value, n_value);
    if (!read_number(&number, value, n_value))
        return !is_key(line, n_key, "vault") && !is_key(line, n_key, "guard") &&
               !is_key(line, n_key, "table") && !is_key(line, n_key, "started");
    if (is_key(line, n_key, "vault") && number <= INT32_MAX) {
        baton->vault_fd = (int)number;
        *seen |= SEEN_VAULT;
    } else if (is_key(line, n_key, "guard")) {
        baton->guard_word = number;
        *seen |= SEEN_GUARD;
    } else if (is_key(line, n_key, "table")) {
        baton->table_number = number;
        *seen |= SEEN_TABLE;
    } else if (is_key(line, n_key, "started")) {
        baton->started_ms = number;
        *seen |= SEEN_STARTED;
    }
    return true;
}

bool baton_read(struct baton *baton, const char *text)
{
    unsigned seen = 0;
    *baton = (struct baton){.vault_fd = -1, .shape = strdup("")};
    while (baton->shape && *text) {
        size_t n_line = strcspn(text, "\n");
        if (!read_line(baton, &seen, text, n_line))
            return false;
        text += n_line + (text[n_line] == '\n');
    }
    return seen == SEEN_ALL && baton->program && baton->shape && *baton->shape;
}

void baton_free(struct baton *baton)
{
    free(baton->program);
    free(baton->shape);
    *baton = (struct baton){.vault_fd = -1};
}
