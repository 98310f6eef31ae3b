// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A text that is collected by a stream into memory (open_memstream(3)).
//
// Errors: false and NULL without memory.
#ifndef STAYD_BASE_TEXT_H
#define STAYD_BASE_TEXT_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct text {
    FILE *out;
    char *bytes;
    size_t n;
};

static inline bool text_begin(struct text *text)
{
    *text = (struct text){0};
    text->out = open_memstream(&text->bytes, &text->n);
    return text->out != NULL;
}

// What was collected, a string; the caller frees it.
static inline char *text_end(struct text *text)
{
    fclose(text->out);
    return text->bytes;
}

// Whatever became of it; unless it was ended.
static inline void text_drop(struct text *text)
{
    if (text->out)
        free(text_end(text));
}

#endif
