// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One connection for each attempt (ask.h). The socket is the guard's and is there while a worker is
// made anew, so an attempt that found somebody is worth repeating.
//
// Errors: out of memory ends the program.
#include "stayctl/ask.h"

#include "base/clock.h"
#include "base/fd.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_BYTES 16384u
#define AGAIN_MS 50

struct attempt {
    int fd;
    size_t n; // bytes read and not taken
    char bytes[LINE_BYTES];
};

enum outcome { DONE_OK, DONE_ERROR, UNREACHABLE, BROKE_OFF };

static void *must_have(void *memory)
{
    if (memory)
        return memory;
    fputs("stayctl: out of memory\n", stderr);
    exit(3);
}

static enum outcome say(struct ask_answer *answer, enum outcome outcome, const char *error,
                        const char *fmt, ...) __attribute__((format(printf, 4, 5)));
static enum outcome say(struct ask_answer *answer, enum outcome outcome, const char *error,
                        const char *fmt, ...)
{
    va_list arguments;
    va_start(arguments, fmt);
    vsnprintf(answer->words, sizeof answer->words, fmt, arguments);
    va_end(arguments);
    answer->end = (struct reply){.kind = REPLY_ERROR, .error = error, .why = answer->words};
    return outcome;
}

static enum outcome cannot_connect(struct ask_answer *answer, const char *control)
{
    const char *hint = strerror(errno);
    if (errno == ENOENT)
        hint = "there is no such socket; is stayd running, and is this its `control`? (stayctl "
               "-c CONF, or --control PATH)";
    else if (errno == ECONNREFUSED)
        hint = "nobody listens there; stayd is not running";
    else if (errno == EACCES)
        hint = "permission denied; be root, or the user that stayd runs as";
    else if (errno == EAGAIN)
        hint = "stayd does not take connections; see its log";
    return say(answer, UNREACHABLE, "unreachable", "%s: %s", control, hint);
}

static int open_socket(const char *control, unsigned patience_ms)
{
    const struct timeval patience = {.tv_sec = patience_ms / 1000};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(control) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, control);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    fd_close(fd);
    return -1;
}

// The next line, a copy that ends with 0; NULL with errno: the connection is over (0), or silent.
static char *read_line(struct attempt *attempt)
{
    for (;;) {
        char *end = memchr(attempt->bytes, '\n', attempt->n);
        if (end) {
            size_t n = (size_t)(end - attempt->bytes);
            char *line = must_have(strndup(attempt->bytes, n));
            attempt->n -= n + 1;
            memmove(attempt->bytes, end + 1, attempt->n);
            return line;
        }
        ssize_t n =
            recv(attempt->fd, attempt->bytes + attempt->n, sizeof attempt->bytes - attempt->n, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n == 0 ? 0 : errno;
            return NULL;
        }
        attempt->n += (size_t)n;
    }
}

static enum outcome no_line(struct ask_answer *answer, const char *control)
{
    if (errno != EAGAIN && errno != EWOULDBLOCK)
        return say(answer, BROKE_OFF, "unreachable",
                   "%s: the connection ends again and again; see stayd's log", control);
    return say(answer, UNREACHABLE, "unreachable",
               "%s: no answer in time; is stayd stopped? See its log", control);
}

static void keep_line(struct ask_answer *answer, char *line)
{
    answer->line = must_have(reallocarray(answer->line, answer->n_lines + 1, sizeof *answer->line));
    answer->line[answer->n_lines++] = line;
}

// The first line. DONE_OK: it is ours to ask.
static enum outcome read_greeting(struct attempt *attempt, const char *control,
                                  struct ask_answer *answer)
{
    char *line = read_line(attempt);
    if (!line)
        return no_line(answer, control);
    keep_line(answer, line);
    if (strncmp(line, "stayd 1 ", 8) == 0)
        return DONE_OK;
    if (reply_parse(&answer->end, line) == REPLY_ERROR)
        return say(answer, UNREACHABLE, answer->end.error, "%s: %s", control, answer->end.why);
    return say(answer, UNREACHABLE, "unreachable",
               "%s: what listens there does not speak as stayd %s does; use the stayctl that "
               "came with it",
               control, STAYD_VERSION);
}

static void keep_item(struct ask_answer *answer, const struct reply *item)
{
    // Doubled when it is full: at 0 and at powers of two.
    if ((answer->n_items & (answer->n_items - 1)) == 0)
        answer->item = must_have(reallocarray(
            answer->item, answer->n_items ? 2 * answer->n_items : 1, sizeof *answer->item));
    answer->item[answer->n_items++] = *item;
}

static enum outcome read_answer(struct attempt *attempt, const char *control, const char *id,
                                struct ask_answer *answer)
{
    for (;;) {
        struct reply reply;
        char *line = read_line(attempt);
        if (!line)
            return no_line(answer, control);
        keep_line(answer, line);
        reply_parse(&reply, line);
        if (reply.kind == REPLY_BROKEN || strcmp(reply.id, id) != 0)
            return say(answer, UNREACHABLE, "unreachable",
                       "%s: an answer that makes no sense; use the stayctl that came with stayd",
                       control);
        if (reply.kind == REPLY_ITEM) {
            keep_item(answer, &reply);
            continue;
        }
        answer->end = reply;
        return reply.kind == REPLY_OK ? DONE_OK : DONE_ERROR;
    }
}

static enum outcome send_line(const struct attempt *attempt, const char *control,
                              const char *request, struct ask_answer *answer)
{
    char *line = NULL;
    int n = asprintf(&line, "%s\n", request);
    must_have(n < 0 ? NULL : line);
    ssize_t n_sent = send(attempt->fd, line, (size_t)n, MSG_NOSIGNAL);
    free(line);
    return n_sent == n ? DONE_OK : no_line(answer, control);
}

static enum outcome try_once(const char *control, const char *id, const char *request,
                             unsigned patience_ms, struct ask_answer *answer)
{
    struct attempt attempt = {.fd = open_socket(control, patience_ms)};
    if (attempt.fd < 0)
        return cannot_connect(answer, control);
    enum outcome outcome = read_greeting(&attempt, control, answer);
    if (outcome == DONE_OK)
        outcome = send_line(&attempt, control, request, answer);
    if (outcome == DONE_OK)
        outcome = read_answer(&attempt, control, id, answer);
    close(attempt.fd);
    return outcome;
}

enum ask_result ask(const char *control, const char *id, const char *request, unsigned patience_ms,
                    struct ask_answer *answer)
{
    const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000L};
    uint64_t end_ms = clock_boot_ms() + patience_ms;
    enum outcome outcome;
    *answer = (struct ask_answer){0};
    while ((outcome = try_once(control, id, request, patience_ms, answer)) == BROKE_OFF &&
           clock_boot_ms() < end_ms) {
        ask_free(answer); // what came is repeated
        nanosleep(&pause, NULL);
    }
    return outcome == DONE_OK ? ASK_OK : outcome == DONE_ERROR ? ASK_ERROR : ASK_UNREACHABLE;
}

void ask_free(struct ask_answer *answer)
{
    for (size_t i = 0; i < answer->n_lines; i++)
        free(answer->line[i]);
    free(answer->line);
    free(answer->item);
    *answer = (struct ask_answer){0};
}
