// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From the order to the exec (upgrade.h). Errors: as there; after the table is no longer shared
// they end the process, and the spare goes on.
#include "guard/upgrade/upgrade.h"

#include "base/clock.h"
#include "base/log.h"
#include "guard/guard_part.h"
#include "guard/sweep.h"
#include "guard/upgrade/baton.h"
#include "guard/upgrade/probation.h"
#include "guard/upgrade/program.h"
#include "process/lease.h"
#include "vault/slot.h"
#include "vault/upgrading.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define UPGRADE_LOOK_MS 10 // while one is under way

static void refuse(struct guard *guard, const char *why)
{
    struct vault_head *head = guard->vault.head;
    heritage_renew(&guard->vault, HERITAGE_PROGRAM, -1);
    upgrading_set(head, UPGRADE_REFUSED, why);
    log_event(LOG_UPGRADE_FAILED, "program=\"%s\" why=\"%s\"", guard->program, head->upgrade.why);
}

// The number of the next program's table: never one that was used, and guard_fds' other half.
static uint64_t next_table(const struct vault *vault)
{
    uint64_t last = vault->head->upgrade.last_table;
    if (last < vault->table_number)
        last = vault->table_number;
    return last + 1 + ((last + 1 - vault->table_number) % 2 == 0);
}

// What of a removed game its players still need stands in no file any more.
static bool has_players_of_gone_game(const struct guard *guard)
{
    slot_each_live(&guard->vault, slot)
        if (!slot_is_farewell(slot) && slot->game < CONF_MAX_GAMES &&
            guard->heritage->conf.game[slot->game].is_gone)
            return true;
    return false;
}

// Why it cannot even be tried now; NULL: it can.
static const char *find_obstacle(const struct guard *guard)
{
    if (guard->vault.head->ending_until_ms)
        return "an orderly end has begun";
    if (reload_is_under_way(&guard->reload))
        return "a reload is under way; ask again when it is over";
    if (has_players_of_gone_game(guard))
        return "players are still in a game that a reload has removed; put it back, or wait";
    return NULL;
}

// Opens the program, and lets it be tried. False: with *why.
static bool start_trial(struct guard *guard, char why[VAULT_WHY_BYTES])
{
    int fd = program_open(guard->heritage, guard->program, why);
    if (fd < 0)
        return false;
    heritage_renew(&guard->vault, HERITAGE_PROGRAM, fd);
    char *baton =
        baton_make(guard->heritage, guard->program, guard->word, next_table(&guard->vault));
    const struct trial_program program = {fd, guard->program, baton, guard->heritage->conf_path};
    if (!baton)
        snprintf(why, VAULT_WHY_BYTES, "no memory");
    bool is_started = baton && trial_start(&guard->trial, &program, &guard->vault, why);
    free(baton);
    return is_started;
}

void upgrade_order(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    char path[VAULT_PATH_BYTES];
    char why[VAULT_WHY_BYTES];
    if (upgrading_is_under_way(head))
        return;
    upgrading_begin(head, STAYD_VERSION, path);
    snprintf(guard->program, sizeof guard->program, "%s", program_choose(guard->heritage, path));
    const char *obstacle = find_obstacle(guard);
    if (obstacle || !start_trial(guard, why)) {
        refuse(guard, obstacle ? obstacle : why);
        return;
    }
    heritage_renew(&guard->vault, HERITAGE_TRIAL, guard->trial.fd);
    log_event(LOG_UPGRADE, "phase=trial program=\"%s\" from=%s", guard->program, STAYD_VERSION);
}

void upgrade_cancel(struct guard *guard, const char *why)
{
    if (guard->vault.head->upgrade.phase != UPGRADE_TRIAL)
        return;
    trial_end(&guard->trial);
    heritage_renew(&guard->vault, HERITAGE_TRIAL, -1);
    guard->is_tried = false;
    refuse(guard, why);
}

// Is there a spare that sleeps on the old table? Without it there would be no way back.
static bool has_way_back(const struct guard *guard)
{
    return guard->spare.pid > 0 && guard->spare.heritage == guard->heritage->id &&
           !guard_is_dead(&guard->spare);
}

// From here the table is this process'. False: somebody else has it, who does not die.
static bool take_table(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    if (!guard_end_worker(guard))
        return false;
    uint64_t seen = head->table;
    if (lease_is_alive(seen) && lease_pid(seen) != getpid())
        return false;
    return lease_take(&head->table, seen) != 0;
}

static void keep_over_exec(int fd)
{
    if (fd >= 0)
        fcntl(fd, F_SETFD, 0);
}

static void keep_claimed(const struct vault *vault)
{
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        keep_over_exec(vault_guard_fds(vault)[i]);
    slot_each_live(vault, slot) {
        keep_over_exec(slot->player_fd);
        keep_over_exec(slot->game_fd);
    }
}

// A copy of the table for this process alone. As unshare(2) with CLONE_FILES does, which containers
// forbid.
static bool leave_table(void)
{
    return close_range(~0u, ~0u, CLOSE_RANGE_UNSHARE) == 0;
}

// What is the guard's in the old table is also in the new one, under the same numbers.
static void hand_down_fds(struct vault *vault, uint64_t table_number)
{
    const _Atomic int32_t *from = vault_guard_fds(vault);
    const struct vault_entries *entries = vault_entries(vault);
    vault->table_number = table_number;
    *vault_entries(vault) = *entries;
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        vault_guard_fds(vault)[i] = from[i];
}

// The descriptor table is not shared any more: if this does not go well, the spare goes on. What is
// run is the file that was tried; it is not claimed in the new table, and closed by the exec.
static _Noreturn void exec_program(struct guard *guard, const char *baton)
{
    char *const argv[] = {
        guard->program, "--adopt", (char *)baton, "-c", (char *)guard->heritage->conf_path, NULL};
    int file = vault_guard_fds(&guard->vault)[HERITAGE_PROGRAM];
    heritage_claim(&guard->vault, HERITAGE_PROGRAM, -1);
    keep_claimed(&guard->vault);
    fexecve(file, argv, environ);
    probation_fail(&guard->vault, "it cannot be run: %s", strerror(errno));
}

static void hand_over(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    uint64_t table_number = next_table(&guard->vault);
    char *baton = baton_make(guard->heritage, guard->program, guard->word, table_number);
    if (!baton) {
        refuse(guard, "no memory");
        return;
    }
    log_event(LOG_UPGRADE, "phase=probation program=\"%s\" from=%s to=%s", guard->program,
              STAYD_VERSION, head->upgrade.to);
    probation_begin(head, table_number);
    kill(guard->spare.pid, SIGUSR1); // it keeps the time from now on
    if (!take_table(guard)) {
        refuse(guard, "the worker does not die");
        free(baton);
        return;
    }
    sweep_descriptors(&guard->vault);
    if (leave_table()) {
        hand_down_fds(&guard->vault, table_number);
        exec_program(guard, baton);
    }
    refuse(guard, strerror(errno));
    free(baton);
}

void upgrade_step(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    char why[VAULT_WHY_BYTES];
    if (guard->trial.pid > 0) {
        enum trial_status status = trial_look(&guard->trial, head->upgrade.to, why);
        if (status == TRIAL_RUNS)
            return;
        heritage_renew(&guard->vault, HERITAGE_TRIAL, -1);
        guard->is_tried = status == TRIAL_GOOD;
        if (!guard->is_tried)
            refuse(guard, why);
    }
    if (guard->is_tried && has_way_back(guard)) {
        guard->is_tried = false;
        hand_over(guard);
    } else if (guard->is_tried && clock_boot_ms() >= guard->trial.deadline_ms) {
        guard->is_tried = false;
        refuse(guard, "there is no spare, so there would be no way back");
    }
}

int upgrade_sleep_ms(const struct guard *guard)
{
    bool must_look = guard->trial.pid > 0 || guard->is_tried || !vault_is_proven(&guard->vault);
    return must_look ? UPGRADE_LOOK_MS : -1;
}
