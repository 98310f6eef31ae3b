// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Parses the control channel's answers (answer.h). Sans-I/O. Errors: false.
#include "answer.h"

#include "text.h"

#include <string.h>

static void drop_taken(struct stay_reader *reader)
{
    reader->n -= reader->n_taken;
    memmove(reader->bytes, reader->bytes + reader->n_taken, reader->n);
    reader->n_taken = 0;
}

uint8_t *stay_reader_room(struct stay_reader *reader, size_t *room)
{
    drop_taken(reader);
    *room = sizeof reader->bytes - reader->n;
    return reader->bytes + reader->n;
}

void stay_reader_add(struct stay_reader *reader, size_t n)
{
    reader->n += n;
}

const uint8_t *stay_reader_line(struct stay_reader *reader, size_t *n_line)
{
    const uint8_t *line = reader->bytes + reader->n_taken;
    const uint8_t *end = memchr(line, '\n', reader->n - reader->n_taken);
    if (!end)
        return NULL;
    *n_line = (size_t)(end - line);
    reader->n_taken += *n_line + 1;
    if (*n_line > 0 && line[*n_line - 1] == '\r')
        --*n_line;
    return line;
}

// Cut the next word off *rest; one space parts it from what follows. Its length.
static size_t take_word(const uint8_t **rest, size_t *n_rest, const uint8_t **word)
{
    *word = *rest;
    const uint8_t *space = *n_rest > 0 ? memchr(*rest, ' ', *n_rest) : NULL;
    size_t n = space ? (size_t)(space - *rest) : *n_rest;
    size_t n_cut = space ? n + 1 : n;
    *rest += n_cut;
    *n_rest -= n_cut;
    return n;
}

static bool is_word(const uint8_t *word, size_t n, const char *wanted)
{
    return n == strlen(wanted) && memcmp(word, wanted, n) == 0;
}

static bool take_error(const uint8_t *rest, size_t n_rest, struct stay_answer *answer)
{
    const uint8_t *word;
    size_t n = take_word(&rest, &n_rest, &word);
    answer->kind = STAY_ANSWER_ERROR;
    stay_text_take(answer->text, sizeof answer->text, rest, n_rest);
    return n > 0 && stay_text_take_host(answer->word, sizeof answer->word, word, n);
}

bool stay_answer_parse(const uint8_t *line, size_t n_line, struct stay_answer *answer)
{
    const uint8_t *word;
    answer->word[0] = answer->text[0] = '\0';
    answer->n_id = take_word(&line, &n_line, &answer->id);
    if (answer->n_id == 0)
        return false;
    size_t n = take_word(&line, &n_line, &word);
    if (is_word(word, n, "ok")) {
        answer->kind = STAY_ANSWER_OK;
        return true;
    }
    if (is_word(word, n, "-")) {
        answer->kind = STAY_ANSWER_ITEM;
        return true;
    }
    return is_word(word, n, "error") && take_error(line, n_line, answer);
}

bool stay_answer_turns_away(const uint8_t *line, size_t n_line, struct stay_answer *answer)
{
    const uint8_t *word;
    size_t n = take_word(&line, &n_line, &word);
    answer->id = word;
    answer->n_id = 0;
    return is_word(word, n, "error") && take_error(line, n_line, answer);
}

bool stay_answer_greeting(const uint8_t *line, size_t n_line, unsigned *version)
{
    const uint8_t *word;
    size_t n = take_word(&line, &n_line, &word);
    if (!is_word(word, n, "stayd"))
        return false;
    n = take_word(&line, &n_line, &word);
    *version = 0;
    for (size_t i = 0; i < n; i++) {
        if (word[i] < '0' || word[i] > '9' || n > 6)
            return false;
        *version = *version * 10 + (unsigned)(word[i] - '0');
    }
    return n > 0;
}
