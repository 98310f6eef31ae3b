// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Other settings for a stayd that runs (renew.h). Errors: words, stayd's own where it has some.
#include "renew.h"

#include "clock.h"
#include "place.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum reload_end { RELOAD_DONE, RELOAD_REFUSED, RELOAD_UNKNOWN };

struct reload {
    char path[STAY_PATH_BYTES]; // of the control socket
    char id[32];                // the same on each connection: it is one reload
    uint64_t deadline_ms;
    char *words; // from the items of the answer
    size_t words_size;
    char *error;
    size_t error_size;
};

bool stay_renew_write(const char *directory, const char *text, char *error, size_t error_size)
{
    char path[STAY_PATH_BYTES];
    char fresh[STAY_PATH_BYTES];
    stay_place_path(path, directory, STAY_CONFIGURATION);
    stay_place_path(fresh, directory, STAY_CONFIGURATION ".new");
    unlink(fresh);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t n = strlen(text);
    bool is_written = fd >= 0 && write(fd, text, n) == (ssize_t)n;
    int reason = errno;
    if (fd >= 0 && close(fd) != 0 && is_written) {
        is_written = false;
        reason = errno;
    }
    if (is_written && rename(fresh, path) == 0)
        return true;
    return stay_words(error, error_size, "%s: cannot write it: %s", path,
                      strerror(is_written ? errno : reason));
}

// The value of text= in an item, without its quotes, as a line behind the others.
static void take_item(struct reload *reload, const char *item)
{
    size_t n = strlen(reload->words);
    const char *at = strstr(item, " text=");
    if (!at || n + 2 >= reload->words_size)
        return;
    at += strlen(" text=");
    bool is_quoted = *at == '"';
    for (at += is_quoted; *at != '\0' && *at != (is_quoted ? '"' : ' '); at++) {
        if (*at == '\\' && (at[1] == '"' || at[1] == '\\'))
            at++;
        if (n + 2 < reload->words_size)
            reload->words[n++] = *at;
    }
    reload->words[n++] = '\n';
    reload->words[n] = '\0';
}

static bool read_answer_line(FILE *in, const struct reload *reload, char *line, size_t size)
{
    uint64_t now_ms = stay_now_ms();
    uint64_t left_ms = now_ms < reload->deadline_ms ? reload->deadline_ms - now_ms : 1;
    struct timeval timeout = {(time_t)(left_ms / 1000), (suseconds_t)(left_ms % 1000 * 1000)};
    setsockopt(fileno(in), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (!fgets(line, (int)size, in))
        return false;
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

// One connection. RELOAD_UNKNOWN without words in error: it has ended, as it does when the worker
// is replaced.
static enum reload_end hear_reload(FILE *in, struct reload *reload)
{
    char line[16385];
    size_t n_id = strlen(reload->id);
    reload->words[0] = reload->error[0] = '\0';
    if (!read_answer_line(in, reload, line, sizeof line))
        return RELOAD_UNKNOWN;
    if (strncmp(line, "stayd 1 ", 8) != 0) {
        stay_words(reload->error, reload->error_size, "stayd says: %s", line);
        return RELOAD_UNKNOWN;
    }
    char request[sizeof reload->id + sizeof " reload\n"];
    int n = snprintf(request, sizeof request, "%s reload\n", reload->id);
    if (send(fileno(in), request, (size_t)n, MSG_NOSIGNAL) != n)
        return RELOAD_UNKNOWN;
    while (read_answer_line(in, reload, line, sizeof line)) {
        const char *rest = line + n_id;
        if (strncmp(line, reload->id, n_id) != 0)
            continue;
        if (strncmp(rest, " - ", 3) == 0) {
            take_item(reload, rest);
        } else if (strncmp(rest, " ok", 3) == 0) {
            return RELOAD_DONE;
        } else if (strncmp(rest, " error refused", 14) == 0) {
            stay_words(reload->error, reload->error_size, "%s",
                       reload->words[0] != '\0' ? reload->words : rest + strlen(" error "));
            return RELOAD_REFUSED;
        } else {
            stay_words(reload->error, reload->error_size, "stayd says:%s", rest);
            return RELOAD_UNKNOWN;
        }
    }
    return RELOAD_UNKNOWN;
}

static FILE *connect_control(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    FILE *in = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0
                   ? fdopen(fd, "r")
                   : NULL;
    if (!in && fd >= 0) {
        int reason = errno;
        close(fd);
        errno = reason;
    }
    return in;
}

static enum reload_end ask_reload(struct reload *reload, const char *directory)
{
    stay_place_path(reload->path, directory, STAY_CONTROL);
    reload->deadline_ms = stay_now_ms() + STAY_RENEW_TIMEOUT_MS;
    snprintf(reload->id, sizeof reload->id, "renew-%d-%" PRIx64, (int)getpid(),
             reload->deadline_ms);
    reload->words[0] = '\0';
    while (stay_now_ms() < reload->deadline_ms) {
        FILE *in = connect_control(reload->path);
        if (!in) {
            stay_words(reload->error, reload->error_size, "%s: %s", reload->path, strerror(errno));
            return RELOAD_UNKNOWN;
        }
        enum reload_end end = hear_reload(in, reload);
        fclose(in);
        if (end != RELOAD_UNKNOWN || reload->error[0] != '\0')
            return end;
        struct timespec moment = {.tv_nsec = 10000000};
        nanosleep(&moment, NULL);
    }
    stay_words(reload->error, reload->error_size, "stayd has not answered within %d s",
               STAY_RENEW_TIMEOUT_MS / 1000);
    return RELOAD_UNKNOWN;
}

bool stay_renew(const char *directory, const char *text, char *said, size_t said_size, char *error,
                size_t error_size)
{
    char path[STAY_PATH_BYTES];
    char former[STAY_PATH_BYTES];
    struct reload reload = {
        .words = said, .words_size = said_size, .error = error, .error_size = error_size};
    stay_place_path(path, directory, STAY_CONFIGURATION);
    stay_place_path(former, directory, STAY_FORMER_CONFIGURATION);
    if (!text)
        return ask_reload(&reload, directory) == RELOAD_DONE;
    if (link(path, former) != 0 && errno != EEXIST && errno != ENOENT)
        return stay_words(error, error_size, "%s: cannot make it: %s", former, strerror(errno));
    if (!stay_renew_write(directory, text, error, error_size)) {
        unlink(former);
        return false;
    }
    switch (ask_reload(&reload, directory)) {
    case RELOAD_DONE:
        unlink(former);
        return true;
    case RELOAD_REFUSED:
        rename(former, path);
        break;
    case RELOAD_UNKNOWN:
        break;
    }
    said[0] = '\0';
    return false;
}

bool stay_renew_is_open(const char *directory)
{
    char former[STAY_PATH_BYTES];
    stay_place_path(former, directory, STAY_FORMER_CONFIGURATION);
    return access(former, F_OK) == 0;
}

void stay_renew_forget(const char *directory)
{
    char former[STAY_PATH_BYTES];
    stay_place_path(former, directory, STAY_FORMER_CONFIGURATION);
    unlink(former);
}
