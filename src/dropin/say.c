// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Saying (say.h): each line in one write, because the game writes into the same file.
// Errors: a line that cannot be written is lost.
#include "dropin/say.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TEXT_BYTES 4096

static void say_line(const char *line, size_t n_line)
{
    char out[TEXT_BYTES + 64];
    time_t now = time(NULL);
    struct tm local;
    size_t n =
        strftime(out, 64, "[%Y-%m-%d %H:%M:%S] ssl_slave (stayd): ", localtime_r(&now, &local));
    memcpy(out + n, line, n_line);
    out[n + n_line] = '\n';
    if (write(STDERR_FILENO, out, n + n_line + 1) < 0)
        return; // there is nobody else to tell
}

void say(const char *format, ...)
{
    static char last[TEXT_BYTES];
    char text[TEXT_BYTES];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (strcmp(text, last) == 0)
        return;
    memcpy(last, text, sizeof last);
    for (const char *at = text; *at;) {
        size_t n = strcspn(at, "\n");
        say_line(at, n);
        at += n + (at[n] == '\n');
    }
}
