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
#define KILLER_AT_ONCE_ONE_IN 4u
#define KILLER_CATCH_US 20000u

static void sleep_us(uint64_t us)
{
    struct timespec time = {.tv_sec = (time_t)(us / 1000000),
                            .tv_nsec = (long)(us % 1000000) * 1000};
    nanosleep(&time, NULL);
}

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

bool killer_wait_whole(const struct killer *killer, struct family *family)
{
    const uint64_t until = now_us() + KILLER_WHOLE_US;
    for (;;) {
        family_read(family);
        if (family_is_whole(family) && !has_victim(killer, family))
            return true;
        if (verdict_now() != VERDICT_NONE)
            return false;
        if (now_us() > until) {
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

static unsigned kills_left(const struct killer *killer)
{
    return killer->options->n_kills - atomic_load(&killer->n_killed);
}

static void strike(struct killer *killer, const struct family *family)
{
    killer->n_victims = 0;
    catch_at_work(killer, family);
    unsigned first = (unsigned)dice_below(&killer->dice, FAMILY_N_ROLES);
    kill_one(killer, family->pid[first], family->role[first]);
    if (dice_one_in(&killer->dice, 2) && kills_left(killer) > 0) {
        unsigned second = (first + 1 + (unsigned)dice_below(&killer->dice, 2)) % FAMILY_N_ROLES;
        sleep_us(dice_one_in(&killer->dice, 3) ? 0 : dice_below(&killer->dice, KILLER_APART_US));
        kill_one(killer, family->pid[second], family->role[second]);
    }
    if (dice_one_in(&killer->dice, KILLER_NEWBORN_ONE_IN) && kills_left(killer) > 0)
        kill_newborn(killer, family);
}

static void *run(void *argument)
{
    struct killer *killer = argument;
    struct family family;
    while (kills_left(killer) > 0 && verdict_now() == VERDICT_NONE) {
        const uint64_t since = now_us();
        if (!killer_wait_whole(killer, &family))
            break;
        if (now_us() - since > killer->longest_recovery_us)
            killer->longest_recovery_us = now_us() - since;
        uint64_t pause_us = (uint64_t)killer->options->kill_pause_ms * 1000;
        if (dice_one_in(&killer->dice, KILLER_AT_ONCE_ONE_IN))
            pause_us = 2000; // while the new ones are still taking up their work
        sleep_us(dice_wait(&killer->dice, pause_us));
        strike(killer, &family);
    }
    killer_wait_whole(killer, &family);
    atomic_store(&killer->is_finished, true);
    return NULL;
}

bool killer_start(struct killer *killer, const struct options *options, const struct ledger *ledger)
{
    *killer = (struct killer){.options = options, .ledger = ledger};
    killer->dice.state = dice_mix(options->seed ^ 0x6b696c6c);
    return pthread_create(&killer->thread, NULL, run, killer) == 0;
}

void killer_join(struct killer *killer)
{
    pthread_join(killer->thread, NULL);
}
