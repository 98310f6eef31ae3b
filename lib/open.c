// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The handle's beginning and end (stay.h): puts together the run directory (place), the control
// channel (control), the door, stayd's start (start) and what was carried over a reboot (carry).
//
// stayd links players as soon as something listens under the game's name, and it is settled then
// whether they can be resumed. So the game attaches first, and its socket appears last.
//
// Errors: stay_open undoes what it has done, but for a stayd that has started.
#include "stay.h"

#include "clock.h"
#include "handle.h"
#include "start.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_TIMEOUT_MS 5000u
#define ATTACH_TIMEOUT_MS 2000u

// Remarks are lines behind each other.
static void add_remark(struct stay *stay, const char *format, const char *what)
{
    size_t n = strlen(stay->remarks);
    snprintf(stay->remarks + n, sizeof stay->remarks - n, format, what);
}

static bool open_control(struct stay *stay, const struct stay_options *options, char *error,
                         size_t error_size)
{
    char attach[sizeof "attach  resume ack" + STAY_MAX_NAME];
    snprintf(attach, sizeof attach, "attach %s%s%s", options->game,
             options->resumes ? " resume" : "", options->acknowledges ? " ack" : "");
    if (options->control)
        snprintf(stay->control_path, sizeof stay->control_path, "%s", options->control);
    else
        stay_place_path(stay->control_path, stay->directory, STAY_CONTROL);
    struct stay_control_settings settings = {.epoll_fd = stay->door.epoll_fd,
                                             .path = stay->control_path,
                                             .attach = attach,
                                             .user = options->stayd_user,
                                             .remarks = stay->remarks,
                                             .remarks_size = sizeof stay->remarks};
    stay->has_control = stay_control_open(&stay->control, &settings);
    if (!stay->has_control)
        return stay_words(error, error_size, "cannot prepare the control channel: %s",
                          strerror(errno));
    stay->door.control = &stay->control;
    return true;
}

// The game's socket has not appeared yet: nothing can come but what the control channel brings.
static void await_attach(struct stay *stay)
{
    uint64_t deadline = stay_now_ms() + ATTACH_TIMEOUT_MS;
    stay_door_work(&stay->door);
    for (uint64_t now = stay_now_ms(); now < deadline; now = stay_now_ms()) {
        const struct stay_control *control = &stay->control;
        if (control->phase == STAY_CONTROL_READY || control->phase == STAY_CONTROL_HOPELESS)
            return;
        uint64_t due = stay_control_is_away(control) ? control->due_ms : deadline;
        uint64_t until = due < deadline ? due : deadline;
        struct pollfd wait = {.fd = control->fd, .events = POLLIN};
        poll(&wait, 1, until > now ? (int)(until - now) : 0);
        stay_door_work(&stay->door);
    }
}

static bool adopt_listener(struct stay *stay, const struct stay_carry_record *record, char *error,
                           size_t error_size)
{
    char *directory = strndup((const char *)record->facts, record->n_facts);
    if (!directory || !stay_door_listen(&stay->door, record->fd)) {
        free(directory);
        return stay_words(error, error_size, "the carried socket cannot be used: %s",
                          strerror(errno));
    }
    if (strcmp(directory, stay->directory) != 0)
        add_remark(stay, "the run directory stays %s until the game is started anew\n", directory);
    free(stay->directory);
    stay->directory = directory;
    return true;
}

static void adopt_requests(struct stay *stay)
{
    struct stay_carry_record record;
    for (size_t at = 0; stay_carry_next(&stay->kept, &at, &record);)
        if (record.kind == STAY_CARRY_REQUEST)
            stay_requests_restore(&stay->control.requests, &record);
}

// The game has been changed together with its settings: the stayd that runs is to have them.
static void renew(struct stay *stay, const struct stay_options *options)
{
    enum stay_start how;
    char error[STAY_ERROR_BYTES];
    size_t n = strlen(stay->remarks);
    if (stay_start_is_ours(options) && stay_place_has_stayd(stay->control_path) &&
        !stay_start(options, &how, stay->remarks + n, sizeof stay->remarks - n, error,
                    sizeof error))
        add_remark(stay, "stayd goes on with the settings it had, because: %s\n", error);
}

// Take up everything but the players, who are handed out one by one.
static bool adopt(struct stay *stay, const struct stay_options *options, char *error,
                  size_t error_size)
{
    struct stay_carry_record record;
    stay->how = STAY_KEPT;
    for (size_t at = 0; stay_carry_next(&stay->kept, &at, &record);)
        if (record.kind == STAY_CARRY_LOCK)
            stay->lock_fd = record.fd;
        else if (record.kind == STAY_CARRY_GUEST)
            stay_door_readmit(&stay->door, record.fd, record.facts, record.n_facts);
        else if (record.kind == STAY_CARRY_GAME)
            stay->game_state = record;
        else if (record.kind == STAY_CARRY_LISTENER &&
                 !adopt_listener(stay, &record, error, error_size))
            return false;
    if (!open_control(stay, options, error, error_size))
        return false;
    adopt_requests(stay);
    renew(stay, options);
    stay_door_work(&stay->door);
    stay_door_ring(&stay->door, true);
    return true;
}

static bool listen_there(struct stay *stay, uid_t stayd_user, char *error, size_t error_size)
{
    mode_t mode = stayd_user != 0 ? 0666 : 0600;
    int fd = stay_place_listen(stay->directory, mode, error, error_size);
    if (fd < 0)
        return false;
    if (!stay_door_listen(&stay->door, fd))
        return stay_words(error, error_size, "cannot watch the game's socket: %s", strerror(errno));
    return true;
}

// Attaches to the stayd that is there, or else to the one that it starts.
static bool find_or_start(struct stay *stay, const struct stay_options *options, char *error,
                          size_t error_size)
{
    await_attach(stay);
    if (!stay_start_is_ours(options)) {
        stay->how = STAY_NOT_ASKED;
        return true;
    }
    bool was_attached = stay->control.phase == STAY_CONTROL_READY;
    size_t n = strlen(stay->remarks);
    if (!stay_start(options, &stay->how, stay->remarks + n, sizeof stay->remarks - n, error,
                    error_size))
        return false;
    if (stay->how == STAY_STARTED)
        stay_control_hurry(&stay->control);
    if (stay->how == STAY_STARTED || was_attached) // changed settings come with another worker
        await_attach(stay);
    return true;
}

static bool start_anew(struct stay *stay, const struct stay_options *options, char *error,
                       size_t error_size)
{
    if (!stay_place_make(stay->directory, error, error_size))
        return false;
    stay->lock_fd = stay_place_lock(stay->directory, error, error_size);
    return stay->lock_fd >= 0 && open_control(stay, options, error, error_size) &&
           listen_there(stay, options->stayd_user, error, error_size) &&
           find_or_start(stay, options, error, error_size) &&
           stay_place_show(stay->directory, error, error_size);
}

static bool check_options(const struct stay_options *options, char *error, size_t error_size)
{
    if (!stay_start_check_name(options->game, error, error_size))
        return false;
    if (!options->control)
        return true;
    if (stay_start_is_ours(options))
        return stay_words(error, error_size,
                          "a control socket can be named only when stayd is started by somebody "
                          "else (stayd = \"\")");
    if (options->control[0] != '/' || strlen(options->control) >= STAY_PATH_BYTES)
        return stay_words(error, error_size,
                          "%s: the control socket must be an absolute path of at most %zu bytes",
                          options->control, STAY_PATH_BYTES - 1);
    return true;
}

static struct stay *make_handle(const struct stay_options *options)
{
    struct stay *stay = calloc(1, sizeof *stay);
    if (!stay)
        return NULL;
    unsigned timeout_ms = options->header_timeout_ms;
    stay->lock_fd = -1;
    stay->resumes = options->resumes;
    stay->acknowledges = options->acknowledges;
    stay->directory = strdup(options->directory ? options->directory : "");
    stay->game = strdup(options->game);
    const char *program = options->stayd ? options->stayd : "stayd";
    if (stay_revive_open(&stay->revive, stay_start_is_ours(options) ? program : NULL) &&
        stay->directory && stay->game &&
        stay_door_open(&stay->door, options->stayd_user,
                       timeout_ms != 0 ? timeout_ms : HEADER_TIMEOUT_MS))
        return stay;
    int reason = errno;
    stay_revive_close(&stay->revive);
    free(stay->directory);
    free(stay->game);
    free(stay);
    errno = reason;
    return NULL;
}

struct stay *stay_open(const struct stay_options *options, char *error, size_t error_size)
{
    if (!check_options(options, error, error_size))
        return NULL;
    struct stay *stay = make_handle(options);
    if (!stay) {
        stay_words(error, error_size, "cannot open the game's door: %s", strerror(errno));
        return NULL;
    }
    bool is_well = stay_carry_load(&stay->kept) ? adopt(stay, options, error, error_size)
                                                : start_anew(stay, options, error, error_size);
    if (!is_well) {
        stay_close(stay);
        return NULL;
    }
    return stay;
}

void stay_close(struct stay *stay)
{
    if (!stay)
        return;
    if (stay->door.listener_fd >= 0) {
        char path[STAY_PATH_BYTES];
        stay_place_path(path, stay->directory, STAY_GAME_SOCKET);
        unlink(path);
        stay_place_path(path, stay->directory, STAY_GAME_SOCKET_NEW);
        unlink(path);
    }
    if (stay->has_control)
        stay_control_close(&stay->control);
    stay_door_close(&stay->door);
    if (stay->lock_fd >= 0)
        close(stay->lock_fd);
    stay_carry_free(&stay->kept);
    stay_carry_free(&stay->notes);
    stay_revive_close(&stay->revive);
    free(stay->directory);
    free(stay->game);
    free(stay);
}
