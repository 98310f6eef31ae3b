// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Saying a thing once (say.h). Errors: as there.
#include "say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

void say_once(atomic_flag *is_said, const char *format, ...)
{
    const int error = errno;
    char text[400];
    char line[sizeof text + 32];
    va_list arguments;
    if (atomic_flag_test_and_set(is_said))
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const int n = snprintf(line, sizeof line, "libstayd-preload: %s\n", text);
    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        errno = error; // nobody is there
    errno = error;
}
