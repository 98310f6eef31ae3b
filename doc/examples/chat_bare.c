// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A chat: the first line you type is your name, and everybody hears what you type after it. One
// process, one select(). When it ends, everybody is cut off; chat_stay.c is the same chat, whose
// people stay.
//
//     cc -o chat_bare chat_bare.c && ./chat_bare 4201
//
// Errors: who cannot be read from has left; who does not read loses lines.
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <unistd.h>

struct user {
    bool is_here;
    char name[32];
    char line[512]; // what was typed since the last line's end
    size_t n;
};

static struct user users[FD_SETSIZE]; // by descriptor

static void tell(int fd, const char *text)
{
    send(fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void tell_all(const char *name, const char *text)
{
    char line[600];
    snprintf(line, sizeof line, "%s: %s\r\n", name, text);
    for (int fd = 0; fd < FD_SETSIZE; fd++)
        if (users[fd].is_here && users[fd].name[0] != '\0')
            tell(fd, line);
}

static void enter(int fd)
{
    memset(&users[fd], 0, sizeof users[fd]);
    users[fd].is_here = true;
    tell(fd, "What is your name?\r\n");
}

static void leave(int fd)
{
    users[fd].is_here = false;
    close(fd);
    if (users[fd].name[0] != '\0')
        tell_all(users[fd].name, "(leaves)");
}

static void act(int fd, char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (users[fd].name[0] == '\0') {
        snprintf(users[fd].name, sizeof users[fd].name, "%.31s", line);
        line = "(is here)";
    }
    tell_all(users[fd].name, line);
}

static void hear(int fd)
{
    struct user *user = &users[fd];
    ssize_t n = recv(fd, user->line + user->n, sizeof user->line - user->n, 0);
    if (n <= 0) {
        leave(fd);
        return;
    }
    for (user->n += (size_t)n; user->n > 0;) {
        char line[sizeof user->line + 1] = "";
        char *end = memchr(user->line, '\n', user->n);
        size_t n_line = end ? (size_t)(end - user->line) + 1 : user->n;
        if (!end && n_line < sizeof user->line)
            return; // half a line: the rest will come
        memcpy(line, user->line, n_line);
        user->n -= n_line;
        memmove(user->line, user->line + n_line, user->n);
        act(fd, line);
    }
}

static int open_door(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 64) != 0) {
        perror("chat");
        exit(1);
    }
    return fd;
}

int main(int argc, char **argv)
{
    int door = open_door(argc > 1 ? atoi(argv[1]) : 4201);
    for (;;) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(door, &set);
        for (int fd = 0; fd < FD_SETSIZE; fd++)
            if (users[fd].is_here)
                FD_SET(fd, &set);
        select(FD_SETSIZE, &set, NULL, NULL, NULL);
        if (FD_ISSET(door, &set)) {
            int fd = accept(door, NULL, NULL);
            if (fd >= 0 && fd < FD_SETSIZE)
                enter(fd);
        }
        for (int fd = 0; fd < FD_SETSIZE; fd++)
            if (users[fd].is_here && FD_ISSET(fd, &set))
                hear(fd);
    }
}
