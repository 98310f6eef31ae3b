// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The control channel's client (control.h).
//
// Errors: whatever goes wrong on the connection ends it, and it is made anew on a timer.
#include "control.h"

#include "clock.h"
#include "peer.h"
#include "text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/un.h>
#include <unistd.h>

#define MAX_RECEIVES_A_CALL 16 // the game's loop gets a turn

bool stay_control_open(struct stay_control *control, const struct stay_control_settings *settings)
{
    memset(control, 0, sizeof *control);
    stay_requests_open(&control->requests);
    control->fd = -1;
    control->settings = *settings;
    control->settings.path = strdup(settings->path);
    control->settings.attach = strdup(settings->attach);
    control->wait_ms = STAY_CONTROL_FIRST_WAIT_MS;
    control->due_ms = stay_now_ms();
    if (control->settings.path && control->settings.attach)
        return true;
    stay_control_close(control);
    errno = ENOMEM;
    return false;
}

// A child of the game may hold a copy of the descriptor: so it is taken out of the epoll set by
// hand, and stayd is shown the end.
static void hang_up(struct stay_control *control)
{
    if (control->fd >= 0) {
        epoll_ctl(control->settings.epoll_fd, EPOLL_CTL_DEL, control->fd, NULL);
        shutdown(control->fd, SHUT_RDWR);
        close(control->fd);
    }
    control->fd = -1;
}

static void lose_for(struct stay_control *control, uint64_t wait_ms, enum stay_control_phase phase)
{
    hang_up(control);
    stay_requests_rewind(&control->requests);
    control->reader.n = control->reader.n_taken = 0;
    control->n_sent = 0;
    control->phase = phase;
    control->due_ms = stay_now_ms() + wait_ms;
}

static uint64_t next_wait_ms(struct stay_control *control)
{
    uint64_t wait_ms = control->wait_ms;
    control->wait_ms =
        wait_ms * 2 < STAY_CONTROL_LAST_WAIT_MS ? wait_ms * 2 : STAY_CONTROL_LAST_WAIT_MS;
    return wait_ms;
}

static void lose(struct stay_control *control)
{
    lose_for(control, next_wait_ms(control), STAY_CONTROL_AWAY);
}

static void give_up(struct stay_control *control, uint64_t wait_ms)
{
    stay_requests_let_go(&control->requests);
    lose_for(control, wait_ms, STAY_CONTROL_HOPELESS);
}

// The same line is not added twice, or a game that runs for a year would have nothing else.
static void remark(struct stay_control *control, const char *what, const char *word,
                   const char *text)
{
    char line[1280];
    char *remarks = control->settings.remarks;
    size_t n = strlen(remarks);
    snprintf(line, sizeof line, "stayd refuses %s: %s%s%s\n", what, word,
             text[0] != '\0' ? " " : "", text);
    if (!strstr(remarks, line) && strlen(line) < control->settings.remarks_size - n)
        strcpy(remarks + n, line);
}

static void refuse_all(struct stay_control *control, const char *word, const char *text)
{
    control->n_refused++;
    remark(control, "this game", word, text);
    give_up(control, STAY_CONTROL_REFUSED_MS);
}

static bool watch_for(struct stay_control *control, int operation, bool is_for_room)
{
    struct epoll_event event = {.events = is_for_room ? EPOLLIN | EPOLLOUT : EPOLLIN,
                                .data.ptr = control};
    control->is_watched_for_room = is_for_room;
    return epoll_ctl(control->settings.epoll_fd, operation, control->fd, &event) == 0;
}

static void reach(struct stay_control *control)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%s", control->settings.path);
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (control->fd < 0 || connect(control->fd, (struct sockaddr *)&address, sizeof address) != 0) {
        if (errno == ENOENT || errno == ECONNREFUSED)
            give_up(control, next_wait_ms(control));
        else
            lose(control);
        return;
    }
    if (!stay_peer_is(control->fd, control->settings.user)) {
        refuse_all(control, "not-stayd",
                   "the control socket belongs to a user who may not speak as stayd");
        return;
    }
    control->phase = STAY_CONTROL_GREETING;
    if (!watch_for(control, EPOLL_CTL_ADD, false))
        lose(control);
}

// The first bytes on a fresh connection, far fewer than its buffer holds.
static void greet(struct stay_control *control, const uint8_t *line, size_t n_line)
{
    unsigned version;
    char text[256];
    if (!stay_answer_greeting(line, n_line, &version)) {
        lose(control);
        return;
    }
    if (version != STAY_CONTROL_VERSION) {
        snprintf(text, sizeof text, "it speaks version %u of the control channel, libstay %u",
                 version, STAY_CONTROL_VERSION);
        refuse_all(control, "other-version", text);
        return;
    }
    stay_requests_name(&control->requests, control->attach_id);
    int n = snprintf(text, sizeof text, "%s %s\n", control->attach_id, control->settings.attach);
    if (send(control->fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) != n) {
        lose(control);
        return;
    }
    control->phase = STAY_CONTROL_ATTACHING;
}

static void attached(struct stay_control *control, const struct stay_answer *answer)
{
    if (answer->n_id != strlen(control->attach_id) ||
        memcmp(answer->id, control->attach_id, answer->n_id) != 0) {
        lose(control);
    } else if (answer->kind == STAY_ANSWER_ERROR && strcmp(answer->word, "short") == 0) {
        lose(control);
    } else if (answer->kind == STAY_ANSWER_ERROR) {
        refuse_all(control, answer->word, answer->text);
    } else if (answer->kind == STAY_ANSWER_OK) {
        control->phase = STAY_CONTROL_READY;
        control->wait_ms = STAY_CONTROL_FIRST_WAIT_MS;
        if (control->plan && !stay_requests_has_plan(&control->requests))
            stay_requests_plan(&control->requests, control->plan);
    }
}

// `short` is met like a lost connection: everything is asked again in its order, later.
static void answered(struct stay_control *control, const struct stay_answer *answer)
{
    const struct stay_line *line = stay_requests_asked(&control->requests);
    bool is_its = line && answer->n_id < line->n &&
                  memcmp(line->text, answer->id, answer->n_id) == 0 &&
                  line->text[answer->n_id] == ' ';
    bool is_short = answer->kind == STAY_ANSWER_ERROR && strcmp(answer->word, "short") == 0;
    if (!is_its || is_short) {
        lose(control);
        return;
    }
    if (answer->kind == STAY_ANSWER_ITEM)
        return;
    bool is_offset = answer->kind == STAY_ANSWER_ERROR && strcmp(answer->word, "bad-offset") == 0;
    if (answer->kind == STAY_ANSWER_ERROR && !(is_offset && line->is_repeated)) {
        char verb[16] = "";
        sscanf(line->text, "%*s %15s", verb);
        control->n_refused++;
        remark(control, verb, answer->word, answer->text);
    }
    stay_requests_answered(&control->requests);
}

static void heard(struct stay_control *control, const uint8_t *line, size_t n_line)
{
    struct stay_answer answer;
    if (stay_answer_turns_away(line, n_line, &answer) && strcmp(answer.word, "short") != 0)
        refuse_all(control, answer.word, answer.text);
    else if (control->phase == STAY_CONTROL_GREETING)
        greet(control, line, n_line);
    else if (!stay_answer_parse(line, n_line, &answer))
        lose(control);
    else if (control->phase == STAY_CONTROL_ATTACHING)
        attached(control, &answer);
    else
        answered(control, &answer);
}

// False: nothing more can be read now.
static bool receive(struct stay_control *control)
{
    size_t room;
    size_t n_line;
    uint8_t *at = stay_reader_room(&control->reader, &room);
    ssize_t n = room > 0 ? recv(control->fd, at, room, MSG_DONTWAIT) : 0;
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return errno == EINTR;
    if (n <= 0) {
        lose(control);
        return false;
    }
    stay_reader_add(&control->reader, (size_t)n);
    const uint8_t *line = stay_reader_line(&control->reader, &n_line);
    while (line) {
        heard(control, line, n_line);
        line = stay_control_is_away(control) ? NULL : stay_reader_line(&control->reader, &n_line);
    }
    return !stay_control_is_away(control) && (size_t)n == room;
}

// False: no more can be sent now, or nothing more is to be.
static bool send_some(struct stay_control *control)
{
    struct stay_line *line;
    if (!stay_requests_next(&control->requests, &line)) {
        lose(control);
        return false;
    }
    if (!line)
        return false;
    ssize_t n = send(control->fd, line->text + control->n_sent, line->n - control->n_sent,
                     MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        lose(control);
        return false;
    }
    control->n_sent += n > 0 ? (size_t)n : 0;
    if (control->n_sent == line->n) {
        control->n_sent = 0;
        stay_requests_sent(&control->requests);
        return true;
    }
    return n > 0 || errno == EINTR;
}

void stay_control_wake(struct stay_control *control)
{
    bool is_for_room =
        control->phase == STAY_CONTROL_READY && stay_requests_has_next(&control->requests);
    if (control->fd >= 0 && is_for_room != control->is_watched_for_room)
        watch_for(control, EPOLL_CTL_MOD, is_for_room);
}

void stay_control_work(struct stay_control *control)
{
    if (stay_control_is_away(control) && control->due_ms <= stay_now_ms())
        reach(control);
    for (int i = 0; !stay_control_is_away(control) && i < MAX_RECEIVES_A_CALL; i++)
        if (!receive(control))
            break;
    while (control->phase == STAY_CONTROL_READY && send_some(control)) {
    }
    stay_control_wake(control);
}

void stay_control_hurry(struct stay_control *control)
{
    if (stay_control_is_away(control)) {
        control->phase = STAY_CONTROL_AWAY;
        control->due_ms = stay_now_ms();
        control->wait_ms = STAY_CONTROL_FIRST_WAIT_MS;
    }
}

uint64_t stay_control_due_ms(const struct stay_control *control)
{
    return stay_control_is_away(control) ? control->due_ms : 0;
}

bool stay_control_plan(struct stay_control *control, const char *words)
{
    char *copy = strdup(words);
    if (!copy || !stay_requests_plan(&control->requests, words)) {
        int reason = errno;
        free(copy);
        errno = reason;
        return false;
    }
    free(control->plan);
    control->plan = copy;
    return true;
}

void stay_control_close(struct stay_control *control)
{
    hang_up(control);
    stay_requests_free(&control->requests);
    free(control->plan);
    free((char *)control->settings.path);
    free((char *)control->settings.attach);
}
