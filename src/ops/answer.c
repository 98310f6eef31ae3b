// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Lines of an answer (answer.h).
// Errors: none.
#include "ops/answer.h"

#include "base/hex.h"

#include <inttypes.h>
#include <string.h>

static void begin(struct answer *answer, const char *id, const char *word)
{
    answer->n = (size_t)snprintf(answer->bytes, sizeof answer->bytes, "%s %s", id, word);
}

void answer_item(struct answer *answer, const char *id)
{
    begin(answer, id, "-");
}

void answer_ok(struct answer *answer, const char *id)
{
    begin(answer, id, "ok");
}

// Beyond ASCII a byte may be anything, so it is written as one.
static bool is_coded(uint8_t byte)
{
    return byte < 0x20 || byte >= 0x7f;
}

static bool must_be_quoted(const uint8_t *value, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (is_coded(value[i]) || value[i] == ' ' || value[i] == '"' || value[i] == '\\')
            return true;
    return n == 0;
}

// Returns the number of bytes written, at most 4 for each and 2.
static size_t put_quoted(char *out, const uint8_t *value, size_t n)
{
    char *at = out;
    *at++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (is_coded(value[i])) {
            *at++ = '\\';
            *at++ = 'x';
            at = hex_write(at, &value[i], 1);
            continue;
        }
        if (value[i] == '"' || value[i] == '\\')
            *at++ = '\\';
        *at++ = (char)value[i];
    }
    *at++ = '"';
    return (size_t)(at - out);
}

void answer_bytes(struct answer *answer, const char *key, const void *value, size_t n_value)
{
    size_t n_key = strlen(key);
    // One byte stays for the line's end.
    if (n_value > sizeof answer->bytes ||
        answer->n + n_key + 4 * n_value + 5 > sizeof answer->bytes)
        return;
    char *at = answer->bytes + answer->n;
    *at++ = ' ';
    at = mempcpy(at, key, n_key);
    *at++ = '=';
    if (must_be_quoted(value, n_value))
        at += put_quoted(at, value, n_value);
    else
        at = mempcpy(at, value, n_value);
    answer->n = (size_t)(at - answer->bytes);
}

void answer_text(struct answer *answer, const char *key, const char *value)
{
    answer_bytes(answer, key, value, strlen(value));
}

void answer_put_number(struct answer *answer, const char *key, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, value);
    answer_text(answer, key, text);
}

void answer_put_flag(struct answer *answer, const char *key, bool is_so)
{
    answer_text(answer, key, is_so ? "yes" : "no");
}

void answer_finish(struct answer *answer)
{
    answer->bytes[answer->n++] = '\n';
}

void answer_error(struct answer *answer, const char *id, enum request_error error, const char *why)
{
    answer->n = (size_t)snprintf(answer->bytes, sizeof answer->bytes, "%s%serror %s %.512s",
                                 id ? id : "", id ? " " : "", request_error_word(error), why);
    answer_finish(answer);
}
