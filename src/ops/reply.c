// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reads a line of an answer (reply.h); unquoting makes it shorter, so that is done in its place.
//
// Errors: REPLY_BROKEN.
#include "ops/reply.h"

#include "base/hex.h"

#include <stdbool.h>
#include <string.h>

// Cuts the word at *rest off; *rest is what follows the blank after it.
static char *cut_word(char **rest)
{
    char *word = *rest;
    size_t n = strcspn(word, " ");
    *rest = word + n + (word[n] == ' ');
    word[n] = '\0';
    return word;
}

// \xHH; returns the end of what was written, or NULL.
static char *put_coded(char *to, const char *digits)
{
    uint8_t byte;
    if (!hex_read(&byte, digits, 1))
        return NULL;
    if (byte == 0)
        return mempcpy(to, "\xef\xbf\xbd", 3);
    *to = (char)byte;
    return to + 1;
}

// Unquotes the value whose opening quote stands at `at`. Returns what follows the closing one, or
// NULL.
static char *unquote(char *at)
{
    char *to = at++;
    while (*at && *at != '"') {
        if (*at != '\\') {
            *to++ = *at++;
        } else if (at[1] == 'x') {
            to = put_coded(to, at + 2);
            if (!to)
                return NULL;
            at += 4;
        } else if (at[1] == '"' || at[1] == '\\') {
            *to++ = at[1];
            at += 2;
        } else {
            return NULL;
        }
    }
    if (*at != '"')
        return NULL;
    *to = '\0';
    return at + 1;
}

static bool take_pair(struct reply *reply, char **rest)
{
    char *key = *rest;
    size_t n_key = strcspn(key, "= ");
    char *value = key + n_key + 1;
    if (n_key == 0 || key[n_key] != '=')
        return false;
    key[n_key] = '\0';
    if (*value == '"') {
        *rest = unquote(value);
        if (!*rest || (**rest != ' ' && **rest != '\0'))
            return false;
        *rest += **rest == ' ';
    } else {
        cut_word(rest);
        *rest = value;
        value = cut_word(rest);
    }
    if (reply->n_pairs < REPLY_PAIRS)
        reply->pair[reply->n_pairs++] = (struct reply_pair){key, value};
    return true;
}

static enum reply_kind parse(struct reply *reply, char *line)
{
    char *rest = line;
    char *word = cut_word(&rest);
    reply->id = "";
    if (strcmp(word, "error") != 0 || strncmp(rest, "error ", 6) == 0) {
        reply->id = word;
        word = cut_word(&rest);
    }
    if (strcmp(word, "error") == 0) {
        reply->error = cut_word(&rest);
        reply->why = rest;
        return *reply->error ? REPLY_ERROR : REPLY_BROKEN;
    }
    enum reply_kind kind = strcmp(word, "-") == 0    ? REPLY_ITEM
                           : strcmp(word, "ok") == 0 ? REPLY_OK
                                                     : REPLY_BROKEN;
    while (kind != REPLY_BROKEN && *rest)
        if (!take_pair(reply, &rest))
            return REPLY_BROKEN;
    return kind;
}

enum reply_kind reply_parse(struct reply *reply, char *line)
{
    *reply = (struct reply){.id = "", .error = "", .why = ""};
    reply->kind = parse(reply, line);
    return reply->kind;
}

const char *reply_find(const struct reply *reply, const char *key)
{
    for (unsigned i = 0; i < reply->n_pairs; i++)
        if (strcmp(reply->pair[i].key, key) == 0)
            return reply->pair[i].value;
    return "";
}
