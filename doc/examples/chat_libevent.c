// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The chat of chat_stay.c with libevent. The half-typed line and the output that is still queued
// go through a reboot, too.
//
//     cc -o chat_libevent chat_libevent.c -lstay -levent
//     ./chat_libevent /home/me/run 127.0.0.1:4201
//
// Errors: whose connection fails has left; who does not read loses lines.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <stay.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OUTPUT 65536u
#define MAX_LINE 500u

struct user {
    struct user *next;
    struct stay_player player;
    struct bufferevent *stream;
    struct evbuffer *input; // what was typed and not acted on
    char name[32];
};

// What goes through a reboot: this, then so many bytes of each. A crash leaves the name only.
struct memory {
    char name[32];
    size_t n_input;
    size_t n_output;
};

static struct user *users;
static struct stay *stay;
static struct event_base *base;

static void tell(struct user *user, const char *name, const char *text)
{
    struct evbuffer *output = bufferevent_get_output(user->stream);
    if (evbuffer_get_length(output) < MAX_OUTPUT)
        evbuffer_add_printf(output, "%s: %s\r\n", name, text);
}

static void tell_all(const char *name, const char *text)
{
    for (struct user *user = users; user; user = user->next)
        tell(user, name, text);
}

static void act(struct user *user, const char *line)
{
    if (user->name[0] == '\0') {
        snprintf(user->name, sizeof user->name, "%.31s", line);
        struct memory memory = {.n_input = 0};
        memcpy(memory.name, user->name, sizeof memory.name);
        stay_leave(stay, &user->player, &memory, sizeof memory);
        line = "(is here)";
    }
    tell_all(user->name, line);
    if (strcmp(line, "/reboot") == 0)
        event_base_loopbreak(base); // main goes on
}

static void on_input(struct bufferevent *stream, void *arg)
{
    struct user *user = arg;
    struct evbuffer *input = user->input;
    char line[MAX_LINE + 1];
    bufferevent_read_buffer(stream, input);
    while (!event_base_got_break(base)) {
        struct evbuffer_ptr end = evbuffer_search_eol(input, NULL, NULL, EVBUFFER_EOL_LF);
        size_t n = end.pos >= 0 ? (size_t)end.pos + 1 : evbuffer_get_length(input);
        if (end.pos < 0 && n < MAX_LINE)
            return; // half a line: the rest will come
        n = n < MAX_LINE ? n : MAX_LINE;
        evbuffer_remove(input, line, n);
        line[n] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        act(user, line);
        user->player.n_input += n;
        stay_acknowledge(stay, &user->player, user->player.n_input);
    }
}

static void on_end(struct bufferevent *stream, short what, void *arg)
{
    struct user *user = arg;
    struct user **at = &users;
    (void)what;
    while (*at != user)
        at = &(*at)->next;
    *at = user->next;
    bufferevent_free(stream);
    evbuffer_free(user->input);
    tell_all(user->name, "(leaves)");
    free(user);
}

static void come_back(struct user *user)
{
    struct memory memory;
    const char *bytes = (const char *)user->player.state + sizeof memory;
    memcpy(&memory, user->player.state, sizeof memory);
    memcpy(user->name, memory.name, sizeof user->name);
    bufferevent_write(user->stream, bytes + memory.n_input, memory.n_output);
    evbuffer_add(user->input, bytes, memory.n_input);
}

static void on_door(evutil_socket_t fd, short what, void *arg)
{
    struct stay_player player;
    (void)fd;
    (void)what;
    (void)arg;
    while (stay_accept(stay, &player) > 0) {
        struct user *user = calloc(1, sizeof *user);
        user->player = player;
        user->stream = bufferevent_socket_new(base, player.fd, BEV_OPT_CLOSE_ON_FREE);
        user->input = evbuffer_new();
        user->next = users;
        users = user;
        if (player.n_state >= sizeof(struct memory))
            come_back(user);
        else
            tell(user, "chat", "What is your name?");
        bufferevent_setcb(user->stream, on_input, NULL, on_end, user);
        bufferevent_enable(user->stream, EV_READ | EV_WRITE);
        bufferevent_trigger(user->stream, EV_READ, 0); // whole lines may be there already
    }
}

static void keep(struct user *user)
{
    struct evbuffer *output = bufferevent_get_output(user->stream);
    struct memory memory = {.n_input = evbuffer_get_length(user->input),
                            .n_output = evbuffer_get_length(output)};
    size_t n = sizeof memory + memory.n_input + memory.n_output;
    char *state = malloc(n);
    memcpy(memory.name, user->name, sizeof memory.name);
    memcpy(state, &memory, sizeof memory);
    evbuffer_copyout(user->input, state + sizeof memory, memory.n_input);
    if (memory.n_output > 0) { // a bufferevent lets nobody take from it; looking is allowed
        memcpy(state + sizeof memory + memory.n_input, evbuffer_pullup(output, -1),
               memory.n_output);
    }
    stay_keep(stay, &user->player, state, n);
    free(state);
}

static void reboot(char **argv)
{
    for (struct user *user = users; user; user = user->next)
        keep(user);
    stay_exec(stay, argv[0], argv);
    perror("chat: cannot reboot"); // and goes on
}

int main(int argc, char **argv)
{
    struct stay_setting settings[] = {
        {"listen plain", "address", argc > 2 ? argv[2] : "[::]:4201"},
        {"listen plain", "tls", "no"},
    };
    struct stay_options options = {.game = "chat",
                                   .directory = argc > 1 ? argv[1] : "/tmp/chat",
                                   .settings = settings,
                                   .n_settings = 2,
                                   .resumes = true,
                                   .acknowledges = true};
    char error[STAY_ERROR_BYTES];
    stay = stay_open(&options, error, sizeof error);
    if (!stay) {
        fprintf(stderr, "chat: %s\n", error);
        return 1;
    }
    base = event_base_new();
    event_add(event_new(base, stay_fd(stay), EV_READ | EV_PERSIST, on_door, NULL), NULL);
    for (;;) {
        event_base_dispatch(base);
        reboot(argv);
    }
}
