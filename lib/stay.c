// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Players and reboots (stay.h): hands out who comes through the door or was carried over
// a reboot, and puts together what the next one carries.
#include "stay.h"

#include "handle.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

static bool next_kept_player(struct stay *stay, struct stay_carry_record *record)
{
    while (stay_carry_next(&stay->kept, &stay->kept_at, record))
        if (record->kind == STAY_CARRY_PLAYER && fcntl(record->fd, F_GETFD) >= 0)
            return true;
    return false;
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
    int n = stay_door_next(&stay->door, player);
    if (n == 0)
        stay_revive_work(stay);
    return n;
}

int stay_keep(struct stay *stay, const struct stay_player *player, const void *state,
              size_t n_state)
{
    struct stay_carry_record record = {
        .kind = STAY_CARRY_GAME, .fd = -1, .state = state, .n_state = n_state};
    struct stay_player facts;
    if (player) {
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
// those who are still at the door, those of the last reboot who were not yet handed out, and what
// stayd has not answered.
static bool add_own(struct stay *stay)
{
    struct stay_carry_record listener = {.kind = STAY_CARRY_LISTENER,
                                         .fd = stay->door.listener_fd,
                                         .facts = (const uint8_t *)stay->directory,
                                         .n_facts = strlen(stay->directory)};
    struct stay_carry_record lock = {.kind = STAY_CARRY_LOCK, .fd = stay->lock_fd};
    if (!stay_carry_add(&stay->notes, &listener) || !stay_carry_add(&stay->notes, &lock))
        return false;
    for (const struct stay_guest *guest = stay->door.first; guest; guest = guest->next) {
        struct stay_carry_record record = {
            .kind = STAY_CARRY_GUEST, .fd = guest->fd, .facts = guest->in, .n_facts = guest->n_in};
        if (!stay_carry_add(&stay->notes, &record))
            return false;
    }
    size_t at = stay->kept_at;
    struct stay_carry_record record;
    while (stay_carry_next(&stay->kept, &at, &record))
        if (record.kind == STAY_CARRY_PLAYER && !stay_carry_add(&stay->notes, &record))
            return false;
    return stay_requests_save(&stay->control.requests, &stay->notes);
}

int stay_exec(struct stay *stay, const char *path, char *const argv[])
{
    if (add_own(stay))
        stay_carry_exec(&stay->notes, path, argv);
    int reason = errno;
    stay_carry_free(&stay->notes);
    errno = reason;
    return -1;
}

const void *stay_game_state(const struct stay *stay, size_t *n_state)
{
    *n_state = stay->game_state.n_state;
    return stay->game_state.state;
}

bool stay_is_running(const struct stay *stay)
{
    return !stay_control_is_away(&stay->control) || stay_place_has_stayd(stay->control_path);
}

unsigned stay_n_restarts(const struct stay *stay)
{
    return stay->revive.n;
}

// The number is looked up again once the descriptor is there: then it cannot have become another
// process's in between.
int stay_stop(struct stay *stay)
{
    pid_t pid = stay_place_guard(stay->control_path);
    int fd = pid > 0 ? pidfd_open(pid, 0) : -1;
    if (fd < 0 || stay_place_guard(stay->control_path) != pid) {
        if (fd >= 0)
            close(fd);
        errno = ESRCH;
        return -1;
    }
    int result = pidfd_send_signal(fd, SIGTERM, NULL, 0);
    int reason = errno;
    stay->revive.is_over = result == 0;
    close(fd);
    errno = reason;
    return result;
}

void stay_counts(const struct stay *stay, struct stay_counts *counts)
{
    *counts = stay->door.counts;
    counts->n_refused = stay->control.n_refused;
}
