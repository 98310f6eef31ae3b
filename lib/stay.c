// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// libstay's handle (stay.h): puts together the run directory (place), stayd's start
// (start), the door and what was carried over a reboot (carry).
//
// Errors: as stay.h says; stay_open undoes what it has done, but for a stayd that has started.
#include "stay.h"

#include "carry.h"
#include "door.h"
#include "place.h"
#include "start.h"
#include "words.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

enum { HEADER_TIMEOUT_MS = 5000 };

struct stay {
    char *directory;
    int lock_fd;
    struct stay_door door;
    enum stay_start how;
    char remarks[STAY_ERROR_BYTES];
    struct stay_carry kept;        // what a reboot brought; players are handed out from it
    size_t kept_at;                // the next record to look at
    struct stay_carry_record game; // points into kept
    bool is_kept_over;             // all are handed out, the last one's state is still in use
    struct stay_carry notes;       // for the next stay_exec
};

static bool next_kept_player(struct stay *stay, struct stay_carry_record *record)
{
    while (stay_carry_next(&stay->kept, &stay->kept_at, record)) {
        if (record->kind == STAY_CARRY_PLAYER && fcntl(record->fd, F_GETFD) >= 0) {
            return true;
        }
    }
    return false;
}

static bool adopt_listener(struct stay *stay, const struct stay_carry_record *record, char *error,
                           size_t error_size)
{
    char *directory = strndup((const char *)record->facts, record->n_facts);
    if (directory == NULL || !stay_door_listen(&stay->door, record->fd)) {
        free(directory);
        return stay_words(error, error_size, "the carried socket cannot be used: %s",
                          strerror(errno));
    }
    if (strcmp(directory, stay->directory) != 0) {
        stay_words(stay->remarks, sizeof stay->remarks,
                   "the run directory stays %s until the game is started anew\n", directory);
    }
    free(stay->directory);
    stay->directory = directory;
    return true;
}

// Take up everything but the players, who are handed out one by one.
static bool adopt(struct stay *stay, char *error, size_t error_size)
{
    struct stay_carry_record record;
    stay->how = STAY_KEPT;
    for (size_t at = 0; stay_carry_next(&stay->kept, &at, &record);) {
        if (record.kind == STAY_CARRY_LOCK) {
            stay->lock_fd = record.fd;
        } else if (record.kind == STAY_CARRY_GUEST) {
            stay_door_readmit(&stay->door, record.fd, record.facts, record.n_facts);
        } else if (record.kind == STAY_CARRY_GAME) {
            stay->game = record;
        } else if (record.kind == STAY_CARRY_LISTENER &&
                   !adopt_listener(stay, &record, error, error_size)) {
            return false;
        }
    }
    stay_door_ring(&stay->door, true);
    return true;
}

static bool start_anew(struct stay *stay, const struct stay_options *options, char *error,
                       size_t error_size)
{
    if (!stay_place_make(stay->directory, error, error_size)) {
        return false;
    }
    stay->lock_fd = stay_place_lock(stay->directory, error, error_size);
    if (stay->lock_fd < 0) {
        return false;
    }
    mode_t mode = options->stayd_user != 0 ? 0666 : 0600;
    int fd = stay_place_listen(stay->directory, mode, error, error_size);
    if (fd < 0) {
        return false;
    }
    if (!stay_door_listen(&stay->door, fd)) {
        return stay_words(error, error_size, "cannot watch the game's socket: %s", strerror(errno));
    }
    if (options->stayd != NULL && options->stayd[0] == '\0') {
        stay->how = STAY_NOT_ASKED;
        return true;
    }
    return stay_start(options, &stay->how, stay->remarks, sizeof stay->remarks, error, error_size);
}

struct stay *stay_open(const struct stay_options *options, char *error, size_t error_size)
{
    unsigned timeout_ms = options->header_timeout_ms;
    struct stay *stay = calloc(1, sizeof *stay);
    if (stay == NULL) {
        stay_words(error, error_size, "no memory");
        return NULL;
    }
    stay->lock_fd = -1;
    stay->directory = strdup(options->directory != NULL ? options->directory : "");
    if (stay->directory == NULL ||
        !stay_door_open(&stay->door, options->stayd_user,
                        timeout_ms != 0 ? timeout_ms : HEADER_TIMEOUT_MS)) {
        stay_words(error, error_size, "cannot open the game's door: %s", strerror(errno));
        free(stay->directory);
        free(stay);
        return NULL;
    }
    bool is_well = stay_carry_load(&stay->kept) ? adopt(stay, error, error_size)
                                                : start_anew(stay, options, error, error_size);
    if (!is_well) {
        stay_close(stay);
        return NULL;
    }
    if (stay->how == STAY_KEPT && !stay_start_is_same(options)) {
        stay_words(stay->remarks, sizeof stay->remarks,
                   "stayd goes on with the settings it was started with; "
                   "changed ones hold after game and stayd have been ended and started\n");
    }
    return stay;
}

void stay_close(struct stay *stay)
{
    if (stay == NULL) {
        return;
    }
    if (stay->door.listener_fd >= 0) {
        char path[STAY_PATH_BYTES];
        stay_place_path(path, stay->directory, STAY_GAME_SOCKET);
        unlink(path);
    }
    stay_door_close(&stay->door);
    if (stay->lock_fd >= 0) {
        close(stay->lock_fd);
    }
    stay_carry_free(&stay->kept);
    stay_carry_free(&stay->notes);
    free(stay->directory);
    free(stay);
}

enum stay_start stay_how_started(const struct stay *stay)
{
    return stay->how;
}

const char *stay_remarks(const struct stay *stay)
{
    return stay->remarks;
}

int stay_fd(const struct stay *stay)
{
    return stay->door.epoll_fd;
}

static void restore(const struct stay_carry_record *record, struct stay_player *player)
{
    memset(player, 0, sizeof *player);
    memcpy(player, record->facts,
           record->n_facts < sizeof *player ? record->n_facts : sizeof *player);
    player->fd = record->fd;
    player->origin = STAY_REBOOTED;
    player->state = record->state;
    player->n_state = record->n_state;
}

int stay_accept(struct stay *stay, struct stay_player *player)
{
    struct stay_carry_record record;
    if (!stay->is_kept_over) {
        if (next_kept_player(stay, &record)) {
            restore(&record, player);
            return 1;
        }
        stay->is_kept_over = true;
        stay_door_ring(&stay->door, false);
    }
    return stay_door_next(&stay->door, player);
}

int stay_keep(struct stay *stay, const struct stay_player *player, const void *state,
              size_t n_state)
{
    struct stay_carry_record record = {
        .kind = STAY_CARRY_GAME, .fd = -1, .state = state, .n_state = n_state};
    struct stay_player facts;
    if (player != NULL) {
        facts = *player;
        facts.state = NULL;
        facts.n_state = 0;
        record.kind = STAY_CARRY_PLAYER;
        record.fd = player->fd;
        record.facts = (const uint8_t *)&facts;
        record.n_facts = sizeof facts;
    }
    return stay_carry_add(&stay->notes, &record) ? 0 : -1;
}

// Behind the players whom the game has noted comes what the library holds by itself: its sockets,
// those who are still at the door, and those of the last reboot who were not yet handed out.
static bool add_own(struct stay *stay)
{
    struct stay_carry_record listener = {.kind = STAY_CARRY_LISTENER,
                                         .fd = stay->door.listener_fd,
                                         .facts = (const uint8_t *)stay->directory,
                                         .n_facts = strlen(stay->directory)};
    struct stay_carry_record lock = {.kind = STAY_CARRY_LOCK, .fd = stay->lock_fd};
    if (!stay_carry_add(&stay->notes, &listener) || !stay_carry_add(&stay->notes, &lock)) {
        return false;
    }
    for (const struct stay_guest *guest = stay->door.first; guest != NULL; guest = guest->next) {
        struct stay_carry_record record = {
            .kind = STAY_CARRY_GUEST, .fd = guest->fd, .facts = guest->in, .n_facts = guest->n_in};
        if (!stay_carry_add(&stay->notes, &record)) {
            return false;
        }
    }
    size_t at = stay->kept_at;
    struct stay_carry_record record;
    while (stay_carry_next(&stay->kept, &at, &record)) {
        if (record.kind == STAY_CARRY_PLAYER && !stay_carry_add(&stay->notes, &record)) {
            return false;
        }
    }
    return true;
}

int stay_exec(struct stay *stay, const char *path, char *const argv[])
{
    if (add_own(stay)) {
        stay_carry_exec(&stay->notes, path, argv);
    }
    int reason = errno;
    stay_carry_free(&stay->notes);
    errno = reason;
    return -1;
}

const void *stay_game_state(const struct stay *stay, size_t *n_state)
{
    *n_state = stay->game.n_state;
    return stay->game.state;
}

bool stay_is_running(const struct stay *stay)
{
    return stay_place_has_stayd(stay->directory);
}

// The number is looked up again once the descriptor is there: then it cannot have become another
// process's in between.
int stay_stop(struct stay *stay)
{
    pid_t pid = stay_place_guard(stay->directory);
    int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (fd < 0 || stay_place_guard(stay->directory) != pid) {
        if (fd >= 0) {
            close(fd);
        }
        errno = ESRCH;
        return -1;
    }
    int result = pidfd_send_signal(fd, SIGTERM, NULL, 0);
    int reason = errno;
    close(fd);
    errno = reason;
    return result;
}

void stay_counts(const struct stay *stay, struct stay_counts *counts)
{
    *counts = stay->door.counts;
}
