// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Saying a thing once (say.h).
#include "say.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static struct stat stderr_at_start; // st_ino 0: there was none

void say_begin(void)
{
    if (fstat(STDERR_FILENO, &stderr_at_start) < 0)
        stderr_at_start = (struct stat){0};
}

// A game that closes stderr has something else under its number, and after it has executed itself
// from the start on: a listener, a player, its database.
static bool is_still_stderr(void)
{
    struct stat now;
    struct sockaddr_storage local = {0};
    socklen_t n = sizeof local;
    if (fstat(STDERR_FILENO, &now) < 0 || now.st_dev != stderr_at_start.st_dev ||
        now.st_ino != stderr_at_start.st_ino)
        return false;
    if (!S_ISSOCK(now.st_mode))
        return true;
    return getsockname(STDERR_FILENO, (struct sockaddr *)&local, &n) == 0 &&
           local.ss_family == AF_UNIX;
}

// A pipe that nobody reads must not end the game by SIGPIPE.
static void write_quietly(const char *line, size_t n)
{
    sigset_t pipe, before, pending;
    const struct timespec now = {0};
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    if (write(STDERR_FILENO, line, n) < 0 && errno == EPIPE && !sigismember(&pending, SIGPIPE))
        sigtimedwait(&pipe, NULL, &now);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

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
    if (n > 0 && is_still_stderr())
        write_quietly(line, (size_t)n);
    errno = error;
}
