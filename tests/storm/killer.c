// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See killer.h.
#include "killer.h"

#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "verdict.h"

#define KILLER_WHOLE_US 60000000u
#define KILLER_APART_US 2000u
#define KILLER_NEWBORN_ONE_IN 3u
#define KILLER_NEWBORN_WAIT_US 20000u
#define KILLER_NEWBORN_AGE_US 3000u
#define KILLER_CATCH_US 20000u
#define KILLER_AMID_ONE_IN 2u
#define KILLER_AMID_US 300000u

static void complain(const struct family *family)
{
    char list[400] = "";
    size_t used = 0;
    for (unsigned i = 0; i < family->n && used + 40 < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, " %d=%s", (int)family->pid[i],
                                 family_role_name(family->role[i]));
    verdict_give(VERDICT_HANG, "worker, spare and guard are not all there after %u s; there are:%s",
                 KILLER_WHOLE_US / 1000000, list[0] ? list : " none");
}

static bool has_victim(const struct killer *killer, const struct family *family)
{
    for (unsigned i = 0; i < killer->n_victims; i++)
        if (family_has(family, killer->victims[i]))
            return true;
    return false;
}

bool killer_wait_whole(struct killer *killer, struct family *family)
{
    const uint64_t since = now_us();
    for (;;) {
        family_read(family);
        const uint64_t recovery_us = now_us() - since;
        if (family_is_whole(family) && !has_victim(killer, family)) {
            if (recovery_us > killer->longest_recovery_us)
                killer->longest_recovery_us = recovery_us;
            return true;
        }
        if (verdict_now() != VERDICT_NONE)
            return false;
        if (recovery_us > KILLER_WHOLE_US) {
            complain(family);
            return false;
        }
        sleep_us(300);
    }
}

// A worker sleeps most of the time, and killing it then is of little interest: half of the strikes
// wait a little for a moment in which it is at work.
static void catch_at_work(struct killer *killer, const struct family *family)
{
    const pid_t worker = family_find(family, FAMILY_WORKER);
    const uint64_t until = now_us() + KILLER_CATCH_US;
    if (dice_one_in(&killer->dice, 2))
        while (now_us() < until && !family_is_busy(worker))
            sleep_us(dice_below(&killer->dice, 100));
}

// A pidfd, so that a number that was given to another process meanwhile is not killed.
static bool kill_one(struct killer *killer, pid_t pid, enum family_role role)
{
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return false;
    // The number may have gone to another process since it was read.
    const bool is_killed =
        family_is_ours(pid) && syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0) == 0;
    close(pidfd);
    if (!is_killed)
        return false;
    killer->victims[killer->n_victims++] = pid;
    killer->by_role[role]++;
    killer->while_rebooting += atomic_load(&killer->ledger->is_rebooting);
    atomic_fetch_add(&killer->n_killed, 1);
    return true;
}

// A replacement of a process that was just killed, a random moment after it appears.
static void kill_newborn(struct killer *killer, const struct family *before)
{
    const uint64_t until = now_us() + KILLER_NEWBORN_WAIT_US;
    while (now_us() < until) {
        struct family now;
        family_read(&now);
        for (unsigned i = 0; i < now.n; i++) {
            if (family_has(before, now.pid[i]))
                continue;
            sleep_us(dice_below(&killer->dice, KILLER_NEWBORN_AGE_US));
            family_read(&now); // it may have found its role meanwhile
            if (i < now.n && !family_has(before, now.pid[i]) &&
                kill_one(killer, now.pid[i], now.role[i]))
                killer->newborn++;
            return;
        }
    }
}

void killer_strike(struct killer *killer, enum family_role role)
{
    struct family family;
    if (!killer_wait_whole(killer, &family))
        return;
    const unsigned first = (unsigned)(family_index(&family, role));
    killer->n_victims = 0;
    catch_at_work(killer, &family);
    kill_one(killer, family.pid[first], family.role[first]);
    if (dice_one_in(&killer->dice, 2)) {
        unsigned second = (first + 1 + (unsigned)dice_below(&killer->dice, 2)) % FAMILY_N_ROLES;
        sleep_us(dice_one_in(&killer->dice, 3) ? 0 : dice_below(&killer->dice, KILLER_APART_US));
        kill_one(killer, family.pid[second], family.role[second]);
    }
    if (dice_one_in(&killer->dice, KILLER_NEWBORN_ONE_IN))
        kill_newborn(killer, &family);
}

// Whoever has the role at that moment. The guard that was there keeps its pid when it becomes
// another program, and one that goes back has another.
static pid_t choose_victim(const struct killer *killer, const struct family *family)
{
    if (killer->spares_spare && killer->role != FAMILY_WORKER)
        return killer->guard;
    return family_find(family, killer->role);
}

static void *strike_amid(void *argument)
{
    struct killer *killer = argument;
    struct family family;
    sleep_us(killer->delay_us);
    family_read(&family);
    const pid_t pid = choose_victim(killer, &family);
    for (unsigned i = 0; i < family.n; i++)
        if (pid != 0 && family.pid[i] == pid && kill_one(killer, pid, family.role[i]))
            killer->amid++;
    return NULL;
}

void killer_begin_amid(struct killer *killer, bool spares_spare)
{
    static const enum family_role roles[] = {FAMILY_WORKER, FAMILY_SPARE, FAMILY_GUARD,
                                             FAMILY_OTHER};
    struct family family;
    killer->n_victims = 0;
    // All dice are thrown, whatever comes of it: what follows depends on the seed only.
    const bool strikes = dice_one_in(&killer->dice, KILLER_AMID_ONE_IN);
    killer->spares_spare = spares_spare;
    killer->delay_us = dice_below(&killer->dice, KILLER_AMID_US);
    killer->role = roles[dice_below(&killer->dice, sizeof roles / sizeof *roles)];
    family_read(&family);
    killer->guard = family_find(&family, FAMILY_GUARD);
    killer->has_thread = strikes && pthread_create(&killer->thread, NULL, strike_amid, killer) == 0;
}

bool killer_end_amid(struct killer *killer)
{
    if (!killer->has_thread)
        return false;
    pthread_join(killer->thread, NULL);
    killer->has_thread = false;
    return killer->n_victims > 0;
}
