// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The connector's side of the control channel (service.h).
// Errors: what goes wrong with one link is stayd's answer.
#include "dropin/service.h"

#include "base/fd.h"
#include "players/connector_line.h"
#include "words.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LINE_BYTES 16384 // PROTOCOL.control's longest

static int connect_unix(const char *path, int flags)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return -1;
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    fd_close(fd);
    return -1;
}

// The game hangs until it has the header, so nothing comes between connect and send. A full backlog
// is EAGAIN, because the socket does not block.
static int connect_game(const char *socket, const struct connector_ask *ask)
{
    int fd = connect_unix(socket, SOCK_NONBLOCK);
    if (fd < 0)
        return -1;
    ssize_t n = send(fd, ask->header, ask->n_header, MSG_NOSIGNAL);
    if (n == (ssize_t)ask->n_header)
        return fd;
    if (n >= 0)
        errno = EIO;
    fd_close(fd);
    return -1;
}

// fd: passed with the line; -1: none.
static bool send_answer(int control, const struct connector_answer *answer, int fd)
{
    char line[CONNECTOR_ANSWER_BYTES];
    alignas(struct cmsghdr) char room[CMSG_SPACE(sizeof fd)] = {0};
    struct iovec bytes = {line, connector_print_answer(line, answer)};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (fd >= 0) {
        message.msg_control = room;
        message.msg_controllen = sizeof room;
        struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
        *rights = (struct cmsghdr){CMSG_LEN(sizeof fd), SOL_SOCKET, SCM_RIGHTS};
        memcpy(CMSG_DATA(rights), &fd, sizeof fd);
    }
    return sendmsg(control, &message, MSG_NOSIGNAL) == (ssize_t)bytes.iov_len;
}

static bool serve(int control, const char *socket, const char *line)
{
    struct connector_ask ask;
    if (!connector_parse_ask(&ask, line))
        return false;
    int fd = connect_game(socket, &ask);
    const struct connector_answer answer = {ask.number, fd < 0 ? errno : 0};
    bool is_sent = send_answer(control, &answer, fd);
    if (fd >= 0)
        close(fd); // stayd has its own
    return is_sent;
}

// The next line without its LF. False: the connection has ended.
static bool read_line(FILE *in, char line[LINE_BYTES])
{
    if (!fgets(line, LINE_BYTES, in))
        return false;
    line[strcspn(line, "\n")] = '\0';
    return true;
}

// Connect, be greeted, and ask something; stayd answers with lines. NULL with words.
static FILE *ask_stayd(const char *control, const char *request, char *error, size_t error_size)
{
    char line[LINE_BYTES];
    int fd = connect_unix(control, 0);
    FILE *in = fd >= 0 ? fdopen(fd, "re") : NULL;
    if (!in) {
        stay_words(error, error_size, "%s: %s", control, strerror(errno));
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    if (!read_line(in, line))
        stay_words(error, error_size, "%s: stayd has closed the connection", control);
    else if (strncmp(line, "stayd 1 ", 8) != 0)
        stay_words(error, error_size, "stayd says: %s", line);
    else if (send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request))
        return in;
    fclose(in);
    return NULL;
}

bool service_run(const char *control, const char *game, const char *socket, char *error,
                 size_t error_size)
{
    char line[LINE_BYTES];
    char request[128];
    snprintf(request, sizeof request, "1 connector %s\n", game);
    stay_words(error, error_size, "stayd has closed the connection");
    FILE *in = ask_stayd(control, request, error, error_size);
    if (!in)
        return false;
    bool is_taken = read_line(in, line) && strcmp(line, "1 ok") == 0;
    if (!is_taken && strncmp(line, "1 error ", 8) == 0)
        stay_words(error, error_size, "stayd says: %s", line + 8);
    while (is_taken && read_line(in, line) && serve(fileno(in), socket, line))
        continue;
    fclose(in);
    return is_taken;
}
