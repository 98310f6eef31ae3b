// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A chat: the first line you type is your name, and everybody hears what you type after it. One
// process, one select(). It is chat_bare.c, and its people stay when it reboots ("/reboot") and
// when it dies (doc/retrofit.md).
//
//     cc -o chat_stay chat_stay.c -lstay && ./chat_stay /home/me/run 127.0.0.1:4201
//
// Errors: who cannot be read from has left; who does not read loses lines.
#include <stay.h>
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
static struct stay_player players[FD_SETSIZE];
static struct stay *stay;
static char **command; // that started us

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

// After a crash, what was typed and not acknowledged comes once more: so half a line must not be
// there already. After a reboot it does not.
static void arrive(const struct stay_player *player)
{
    players[player->fd] = *player;
    if (player->n_state != sizeof users[0]) { // somebody new
        enter(player->fd);
        return;
    }
    memcpy(&users[player->fd], player->state, sizeof users[0]);
    if (player->origin == STAY_RESUMED)
        users[player->fd].n = 0;
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

static void reboot(void)
{
    for (int fd = 0; fd < FD_SETSIZE; fd++)
        if (users[fd].is_here)
            stay_keep(stay, &players[fd], &users[fd], sizeof users[fd]);
    stay_exec(stay, command[0], command);
    perror("chat: cannot reboot"); // and goes on
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
        players[fd].n_input += n_line;
        stay_leave(stay, &players[fd], user, sizeof *user);
        stay_acknowledge(stay, &players[fd], players[fd].n_input);
        if (strcmp(line, "/reboot") == 0)
            reboot();
    }
}

static int open_door(const char *directory, const char *address)
{
    struct stay_setting settings[] = {{"listen plain", "address", address},
                                      {"listen plain", "tls", "no"}};
    struct stay_options options = {.game = "chat",
                                   .directory = directory,
                                   .settings = settings,
                                   .n_settings = 2,
                                   .resumes = true,
                                   .acknowledges = true};
    char error[STAY_ERROR_BYTES];
    stay = stay_open(&options, error, sizeof error);
    if (!stay) {
        fprintf(stderr, "chat: %s\n", error);
        exit(1);
    }
    return stay_fd(stay);
}

int main(int argc, char **argv)
{
    command = argv;
    int door = open_door(argc > 1 ? argv[1] : "/tmp/chat", argc > 2 ? argv[2] : "[::]:4201");
    for (;;) {
        fd_set set;
        FD_ZERO(&set);
        FD_SET(door, &set);
        for (int fd = 0; fd < FD_SETSIZE; fd++)
            if (users[fd].is_here)
                FD_SET(fd, &set);
        select(FD_SETSIZE, &set, NULL, NULL, NULL);
        if (FD_ISSET(door, &set)) {
            struct stay_player player;
            while (stay_accept(stay, &player) > 0)
                if (player.fd < FD_SETSIZE)
                    arrive(&player);
        }
        for (int fd = 0; fd < FD_SETSIZE; fd++)
            if (users[fd].is_here && FD_ISSET(fd, &set))
                hear(fd);
    }
}
