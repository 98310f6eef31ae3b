// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The chat of chat_stay.c with poll(), for a stayd that somebody else runs: systemd, say, with a
// configuration of its own. It says good-bye through stayd, and ends in order on SIGTERM: people
// then wait for its next start.
//
//     cc -o chat_poll chat_poll.c -lstay && ./chat_poll /home/me/run /run/stayd/control.sock
//
// Errors: who cannot be read from has left; who does not read loses lines.
#include <poll.h>
#include <signal.h>
#include <stay.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_USERS 200u
#define PATIENCE_MS 2000

// What stayd keeps for us, and gives back after a crash.
struct memory {
    char name[32];
};

struct user {
    struct stay_player player;
    struct memory memory;
    char line[512]; // what was typed since the last line's end
    size_t n;
};

static struct user users[MAX_USERS];
static nfds_t n_users;
static struct stay *stay;
static volatile sig_atomic_t is_ending;

static void on_signal(int number)
{
    (void)number;
    is_ending = 1;
}

static void tell(const struct user *user, const char *text)
{
    send(user->player.fd, text, strlen(text), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void tell_all(const char *name, const char *text)
{
    char line[600];
    snprintf(line, sizeof line, "%s: %s\r\n", name, text);
    for (nfds_t i = 0; i < n_users; i++)
        tell(&users[i], line);
}

static void arrive(const struct stay_player *player)
{
    if (n_users == MAX_USERS) {
        stay_end(stay, player, "We are full. Try later.");
        close(player->fd);
        return;
    }
    struct user *user = &users[n_users++];
    memset(user, 0, sizeof *user);
    user->player = *player;
    if (player->n_state == sizeof user->memory) // it was here when we died
        memcpy(&user->memory, player->state, sizeof user->memory);
    else
        tell(user, "What is your name?\r\n");
}

// 0: the user has left.
static int act(struct user *user, char *line)
{
    line[strcspn(line, "\r\n")] = '\0';
    if (user->memory.name[0] == '\0') {
        snprintf(user->memory.name, sizeof user->memory.name, "%.31s", line);
        stay_leave(stay, &user->player, &user->memory, sizeof user->memory);
        line = "(is here)";
    }
    tell_all(user->memory.name, line);
    if (strcmp(line, "/quit") == 0) {
        stay_end(stay, &user->player, "Good-bye.");
        return 0;
    }
    return 1;
}

// 0: the user has left.
static int hear(struct user *user)
{
    ssize_t n = recv(user->player.fd, user->line + user->n, sizeof user->line - user->n, 0);
    if (n <= 0)
        return 0;
    for (user->n += (size_t)n; user->n > 0;) {
        char line[sizeof user->line + 1] = "";
        char *end = memchr(user->line, '\n', user->n);
        size_t n_line = end ? (size_t)(end - user->line) + 1 : user->n;
        if (!end && n_line < sizeof user->line)
            return 1; // half a line: the rest will come
        memcpy(line, user->line, n_line);
        user->n -= n_line;
        memmove(user->line, user->line + n_line, user->n);
        if (!act(user, line))
            return 0;
        user->player.n_input += n_line;
        stay_acknowledge(stay, &user->player, user->player.n_input);
    }
    return 1;
}

// One turn: the door is the first to be watched, then the users in their order.
static void turn(void)
{
    struct pollfd wait[MAX_USERS + 1] = {{.fd = stay_fd(stay), .events = POLLIN}};
    struct stay_player player;
    for (nfds_t i = 0; i < n_users; i++)
        wait[i + 1] = (struct pollfd){.fd = users[i].player.fd, .events = POLLIN};
    nfds_t n_watched = n_users;
    if (poll(wait, n_watched + 1, -1) < 0)
        return;
    while (stay_accept(stay, &player) > 0)
        arrive(&player);
    for (nfds_t i = n_watched; i > 0; i--) { // backwards: the last takes the place of who leaves
        if (wait[i].revents != 0 && !hear(&users[i - 1])) {
            struct user gone = users[i - 1];
            users[i - 1] = users[--n_users];
            close(gone.player.fd);
            tell_all(gone.memory.name, "(leaves)");
        }
    }
}

// Stay until stayd has heard everything, but not for ever.
static void end(void)
{
    stay_announce(stay, STAY_PLAN_END_HOLD);
    for (int i = 0; i < PATIENCE_MS / 10 && stay_n_unanswered(stay) > 0; i++) {
        poll(&(struct pollfd){.fd = stay_fd(stay), .events = POLLIN}, 1, 10);
        stay_work(stay);
    }
    stay_close(stay);
}

int main(int argc, char **argv)
{
    struct stay_options options = {.game = "chat",
                                   .directory = argc > 1 ? argv[1] : "/tmp/chat",
                                   .stayd = "",
                                   .control = argc > 2 ? argv[2] : NULL,
                                   .resumes = true,
                                   .acknowledges = true};
    char error[STAY_ERROR_BYTES];
    stay = stay_open(&options, error, sizeof error);
    if (!stay) {
        fprintf(stderr, "chat: %s\n", error);
        return 1;
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    while (!is_ending)
        turn();
    end();
    return 0;
}
