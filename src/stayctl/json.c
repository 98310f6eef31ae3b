// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// JSON (RFC 8259) of an answer (print.h). Errors: none; bytes that are not UTF-8 become U+FFFD.
#include "ops/keys.h"
#include "stayctl/print.h"

#include <string.h>

#define ENTRY(word, nothing) word,
static const char *const number_keys[] = {KEYS_NUMBERS(ENTRY, )};
static const char *const flag_keys[] = {KEYS_FLAGS(ENTRY, )};

static bool is_among(const char *key, const char *const *keys, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

// The length of the longest run that can stand as it is.
static size_t measure_plain(const char *text)
{
    size_t n = 0;
    while ((uint8_t)text[n] >= 0x20 && (uint8_t)text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

// The length of one character beyond ASCII, or 0. Control characters (C1) are not among them.
static size_t measure_wide(const char *text)
{
    size_t n = strnlen(text, 4);
    for (size_t i = 2; i <= n; i++)
        if ((text[0] & 0x80) && request_is_text(text, i))
            return i;
    return 0;
}

static void print_string(FILE *out, const char *text)
{
    fputc('"', out);
    while (*text) {
        size_t n = measure_plain(text);
        n = n ? n : measure_wide(text);
        if (n) {
            fwrite(text, 1, n, out);
            text += n;
            continue;
        }
        uint8_t byte = (uint8_t)*text++;
        if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else
            fprintf(out, "\\u%04x", byte < 0x80 ? byte : 0xfffdu);
    }
    fputc('"', out);
}

static void print_value(FILE *out, const char *key, const char *value)
{
    bool is_digits = *value && strspn(value, "0123456789") == strlen(value) &&
                     (*value != '0' || value[1] == '\0');
    bool is_word = strcmp(value, "yes") == 0 || strcmp(value, "no") == 0;
    if (is_digits && is_among(key, number_keys, sizeof number_keys / sizeof *number_keys))
        fputs(value, out);
    else if (is_word && is_among(key, flag_keys, sizeof flag_keys / sizeof *flag_keys))
        fputs(*value == 'y' ? "true" : "false", out);
    else
        print_string(out, value);
}

static void print_object(FILE *out, const struct reply *reply)
{
    fputc('{', out);
    for (unsigned i = 0; i < reply->n_pairs; i++) {
        fputs(i ? ", " : "", out);
        print_string(out, reply->pair[i].key);
        fputs(": ", out);
        print_value(out, reply->pair[i].key, reply->pair[i].value);
    }
    fputc('}', out);
}

static void print_items(FILE *out, const struct ask_answer *answer)
{
    fputs("\"items\": [", out);
    for (size_t i = 0; i < answer->n_items; i++) {
        fputs(i ? ",\n  " : "\n  ", out);
        print_object(out, &answer->item[i]);
    }
    fputs(answer->n_items ? "\n]" : "]", out);
}

void print_json(FILE *out, const struct ask_answer *answer)
{
    fputc('{', out);
    print_items(out, answer);
    fputs(", \"result\": ", out);
    print_object(out, &answer->end);
    fputs("}\n", out);
}

void print_json_error(FILE *out, const char *error, const char *message,
                      const struct ask_answer *answer)
{
    fputs("{\"error\": ", out);
    print_string(out, error);
    fputs(", \"message\": ", out);
    print_string(out, message);
    if (answer && answer->n_items) {
        fputs(", ", out);
        print_items(out, answer);
    }
    fputs("}\n", out);
}
