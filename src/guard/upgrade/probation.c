// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Probation, as the new guard and the old spare live it (probation.h).
#include "guard/upgrade/probation.h"

#include "base/clock.h"
#include "base/log.h"
#include "guard/control_socket.h"
#include "guard/guard_part.h"
#include "guard/log_file.h"
#include "process/lease.h"
#include "vault/upgrading.h"
#include "vault/workers.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void probation_begin(struct vault_head *head, uint64_t table_number)
{
    head->upgrade.last_table = table_number;
    head->upgrade.deadline_ms = clock_boot_ms() + UPGRADE_READY_MS;
    upgrading_set(head, UPGRADE_PROBATION, "");
}

static void declare_good(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    struct child old = guard->spare;
    // If nobody is left to go back, there is nothing to wait for: a spare of a table that is not in
    // force would end itself, though it were the last one.
    if (old.pid == 0)
        head->table_number = guard->vault.table_number;
    // Else a spare of its own first: at no moment does one death leave a table to nobody.
    if (!guard_make_spare(guard) && old.pid)
        return;
    head->table_number = guard->vault.table_number;
    upgrading_set(head, UPGRADE_GOOD, "");
    control_socket_set_mode(&guard->heritage->conf);
    if (old.pid > 0) {
        kill(old.pid, SIGKILL);
        waitpid(old.pid, NULL, 0);
    }
    if (guard->worker.pid > 0)
        kill(guard->worker.pid, SIGUSR1); // it may accept players now
    log_event(LOG_UPGRADE, "phase=good from=%s to=%s", head->upgrade.from, STAYD_VERSION);
}

void probation_step(struct guard *guard, uint64_t now_ms)
{
    struct vault_head *head = guard->vault.head;
    if (vault_is_proven(&guard->vault) || now_ms < guard->retry_ms)
        return;
    if (guard->spare.pid == 0) { // no way back
        declare_good(guard);
        return;
    }
    bool is_ready = guard->worker.pid > 0 && workers_is_ready(head) && entries_is_ready(guard);
    if (is_ready && guard->ready_ms == 0) {
        guard->ready_ms = now_ms;
        head->upgrade.deadline_ms = now_ms + UPGRADE_PROOF_MS + UPGRADE_MARGIN_MS;
    } else if (is_ready && now_ms - guard->ready_ms >= UPGRADE_PROOF_MS) {
        declare_good(guard);
    }
}

void probation_count_death(struct guard *guard, const char *how)
{
    bool can_go_back = guard->spare.pid && !guard_is_dead(&guard->spare);
    guard->ready_ms = 0;
    if (vault_is_proven(&guard->vault) || ++guard->n_deaths < UPGRADE_DEATHS || !can_go_back)
        return;
    probation_fail(&guard->vault, "its worker or entry died %u times, at last: %s", guard->n_deaths,
                   how);
}

_Noreturn void probation_fail(const struct vault *vault, const char *fmt, ...)
{
    struct vault_upgrade *note = &vault->head->upgrade;
    char why[VAULT_WHY_BYTES];
    va_list arguments;
    va_start(arguments, fmt);
    vsnprintf(why, sizeof why, fmt, arguments);
    va_end(arguments);
    upgrading_say(note->why, sizeof note->why, why);
    _exit(1);
}

// Is this process of the table to go back to?
static bool is_way_back(const struct vault *vault)
{
    const struct vault_upgrade *note = &vault->head->upgrade;
    return note->phase == UPGRADE_PROBATION && vault_is_proven(vault) &&
           vault->table_number != note->last_table;
}

int probation_sleep_ms(const struct vault *vault)
{
    uint64_t now_ms = clock_boot_ms();
    uint64_t deadline_ms = vault->head->upgrade.deadline_ms;
    if (!is_way_back(vault) || deadline_ms == 0)
        return -1;
    return deadline_ms > now_ms ? (int)(deadline_ms - now_ms) : 0;
}

void probation_end_late(const struct vault *vault, pid_t guard)
{
    struct vault_upgrade *note = &vault->head->upgrade;
    if (probation_sleep_ms(vault) != 0)
        return;
    if (note->why[0] == '\0')
        upgrading_say(note->why, sizeof note->why, "it was not ready in time");
    kill(guard, SIGKILL);
}

// The new program's worker goes, and the table's word is ours, so that no other can begin.
static void end_workers(struct vault_head *head)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    for (;;) {
        uint64_t seen = head->table;
        if (lease_is_alive(seen) && lease_pid(seen) != getpid()) {
            kill(lease_pid(seen), SIGKILL);
            nanosleep(&moment, NULL);
        } else if (lease_take(&head->table, seen)) {
            return;
        }
    }
}

static void go_back(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    const char *why = head->upgrade.why[0] ? NULL : "its guard died before it was good";
    char remark[LOG_FILE_REMARK_BYTES];
    head->upgrade.deadline_ms = 0; // it was the new program's; the next spare would end this one
    guard_make_spare(guard);       // this process is the last one of its table
    end_workers(head);
    upgrading_set(head, UPGRADE_BACK, why);
    log_file_renew(remark, sizeof remark); // this table has the file of before the upgrade
    log_event(LOG_UPGRADE_FAILED, "phase=back from=%s to=%s why=\"%s\"", head->upgrade.from,
              head->upgrade.to, head->upgrade.why);
}

void probation_take_up(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    if (is_way_back(&guard->vault)) {
        go_back(guard);
    } else if (head->upgrade.phase == UPGRADE_PROBATION) {
        // Of the new table: made by its worker, because of the old one nobody is left, or by a
        // guard who was killed as it declared it good.
        head->table_number = guard->vault.table_number;
        upgrading_set(head, UPGRADE_GOOD, "");
        control_socket_set_mode(&guard->heritage->conf);
    } else if (head->upgrade.phase == UPGRADE_TRIAL) {
        upgrading_set(head, UPGRADE_REFUSED, "the guard died meanwhile");
    }
}
