// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// sd_notify(3), written out: what is sent is fixed there.
#include "guard/store/manager.h"

#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define SAID_BYTES 256u

static bool is_number_in(const char *variable, long number)
{
    const char *text = getenv(variable);
    char *end;
    return text && *text && strtol(text, &end, 10) == number && *end == '\0';
}

void manager_meet(bool is_unit)
{
    static const char *const words[] = {"NOTIFY_SOCKET", "FDSTORE", "LISTEN_PID", "LISTEN_FDS",
                                        "LISTEN_FDNAMES"};
    if (is_unit && is_number_in("SYSTEMD_EXEC_PID", getpid()))
        return;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        unsetenv(words[i]);
}

bool manager_is_there(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    return path && *path;
}

bool manager_has_store(void)
{
    const char *most = getenv("FDSTORE");
    return manager_is_there() && most && atoi(most) > 0;
}

int manager_n_passed(void)
{
    const char *n = getenv("LISTEN_FDS");
    return n && is_number_in("LISTEN_PID", getpid()) && atoi(n) > 0 ? atoi(n) : 0;
}

char *manager_name(char name[MANAGER_NAME_BYTES], int index)
{
    const char *names = getenv("LISTEN_FDNAMES");
    for (; names && index > 0; index--) {
        names = strchr(names, ':');
        if (names)
            names++;
    }
    snprintf(name, MANAGER_NAME_BYTES, "%.*s", names ? (int)strcspn(names, ":") : 0,
             names ? names : "");
    return name;
}

static int open_socket(bool waits)
{
    const char *path = getenv("NOTIFY_SOCKET");
    const struct timeval second = {.tv_sec = 1};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);
    if (n >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(address.sun_path, path, n);
    if (*path == '@') // unix(7), abstract
        address.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | (waits ? 0 : SOCK_NONBLOCK), 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
    if (connect(fd, (const struct sockaddr *)&address,
                (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_with(int socket_fd, const char *text, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof fd)];
    } control = {0};
    struct iovec iovec = {(char *)text, strlen(text)};
    struct msghdr message = {.msg_iov = &iovec, .msg_iovlen = 1};
    if (fd >= 0) {
        control.header = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
        message.msg_control = &control;
        message.msg_controllen = sizeof control.bytes;
    }
    return sendmsg(socket_fd, &message, MSG_NOSIGNAL) >= 0;
}

bool manager_say(int fd, bool waits, const char *fmt, ...)
{
    char text[SAID_BYTES];
    va_list arguments;
    if (!manager_is_there())
        return true;
    va_start(arguments, fmt);
    vsnprintf(text, sizeof text, fmt, arguments);
    va_end(arguments);
    int socket_fd = open_socket(waits);
    if (socket_fd < 0)
        return false;
    bool is_said = send_with(socket_fd, text, fd);
    fd_close(socket_fd);
    return is_said;
}

// The manager closes the descriptor that comes with BARRIER=1 when it has come to it.
bool manager_wait(int ms)
{
    int ends[2];
    if (!manager_is_there())
        return true;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return false;
    bool is_said = manager_say(ends[1], true, "BARRIER=1");
    close(ends[1]);
    struct pollfd poll_fd = {.fd = ends[0]};
    bool is_done = is_said && poll(&poll_fd, 1, ms) == 1;
    close(ends[0]);
    return is_done;
}
