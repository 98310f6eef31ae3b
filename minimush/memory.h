// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Small memory that the game cannot do without. Errors: without it the process ends; stayd keeps
// the players for the next one.
#ifndef MINIMUSH_MEMORY_H
#define MINIMUSH_MEMORY_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static inline void *must(void *memory)
{
    if (!memory) {
        fprintf(stderr, "minimush: no memory\n");
        abort();
    }
    return memory;
}

// Put a copy of text in the place of what *member holds.
static inline void replace(char **member, const char *text)
{
    char *copy = (char *)must(strdup(text));
    free(*member);
    *member = copy;
}

#endif
