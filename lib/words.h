// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// An error in words for people. Errors: words that do not fit are cut.
#ifndef STAY_WORDS_H
#define STAY_WORDS_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

// Put the words into error, and be false, so that one can say `return stay_words(...)`. error may
// be NULL when error_size is 0.
__attribute__((format(printf, 3, 4))) static inline bool stay_words(char *error, size_t error_size,
                                                                    const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(error, error_size, fmt, args);
    va_end(args);
    return false;
}

#endif
