// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// How it all ends: in order, by failing, or for the next start (guard_part.h).
#include "base/clock.h"
#include "base/log.h"
#include "guard/guard.h"
#include "guard/guard_part.h"
#include "guard/store/store.h"
#include "guard/upgrade/probation.h"
#include "guard/upgrade/upgrade.h"
#include "vault/slot.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define START_TRIES 3u // deaths before all were ready once

void guard_finish(struct guard *guard, int status)
{
    if (guard->worker.pid > 0)
        kill(guard->worker.pid, SIGKILL);
    entries_kill(guard);
    guard_end_spare(guard);
    unlink(guard->heritage->conf.control); // the lock is still ours
    if (status == 0)
        store_empty(guard);
    log_event(LOG_STOP, "status=%d", status);
    exit(status);
}

void guard_count_failed(struct guard *guard, const char *how)
{
    probation_count_death(guard, how);
    // Who is in, from an earlier start, is served all the same.
    if (guard->was_ready || slot_find_live(&guard->vault, guard->vault.slots) ||
        ++guard->n_failed < START_TRIES)
        return;
    log_event(LOG_SYSTEM, "what=\"no worker and entry get ready\"");
    guard_finish(guard, 1);
}

void guard_begin_end(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    uint64_t now_ms = clock_boot_ms();
    // The second order means now.
    if (head->ending_until_ms)
        head->ending_until_ms = now_ms;
    else
        head->ending_until_ms = now_ms + guard->heritage->conf.stop_timeout_ms + 1;
    upgrade_cancel(guard, "an orderly end has begun");
    entries_end(guard);
    log_event(LOG_STOP, "within_ms=%llu", (unsigned long long)(head->ending_until_ms - now_ms));
    if (guard->worker.pid > 0)
        kill(guard->worker.pid, SIGUSR1);
}

// What the manager keeps is for the next start. Not while players hear of an orderly end.
void guard_leave(struct guard *guard)
{
    if (guard->vault.head->ending_until_ms || clock_boot_ms() < guard->retry_ms)
        return;
    // On probation nobody takes in who has come; it is over soon.
    if (!vault_is_proven(&guard->vault) || !entries_leave(guard, clock_boot_ms()))
        return;
    // First to see whether it can be done; what changes until the worker is dead is little.
    // Who lived on would be the next guard, and the manager would wait for its end.
    if (!store_all(guard) || !guard_end_worker(guard) || !store_all(guard) ||
        !guard_end_spare(guard)) {
        log_event(LOG_SYSTEM, "what=\"leave the connections to the service manager\"");
        entries_stay(guard);
        guard->retry_ms = clock_boot_ms() + GUARD_RETRY_MS;
        return;
    }
    entries_kill(guard);
    log_event(LOG_LEAVE, "status=%d", GUARD_LEFT);
    exit(GUARD_LEFT);
}
