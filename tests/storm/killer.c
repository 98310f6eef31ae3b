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
#define KILLER_RETIRED_US 20000000u // twice the time that a handshake has
#define KILLER_APART_US 2000u
#define KILLER_NEWBORN_ONE_IN 3u
#define KILLER_NEWBORN_WAIT_US 20000u
#define KILLER_NEWBORN_AGE_US 3000u
#define KILLER_CATCH_US 20000u
#define KILLER_AMID_ONE_IN 2u
#define KILLER_AMID_US 300000u
#define KILLER_WITH_TABLE 2u // of worker, spare and guard one lives
#define KILLER_RUSH 12u
#define KILLER_RUSH_US 15000u // in which handshakes end

static void complain(const struct family *family, const char *what, unsigned limit_us)
{
    char list[400] = "";
    size_t used = 0;
    for (unsigned i = 0; i < family->n && used + 40 < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, " %d=%s", (int)family->pid[i],
                                 family_role_name(family->role[i]));
    verdict_give(VERDICT_HANG, "%s after %u s; there are:%s", what, limit_us / 1000000,
                 list[0] ? list : " none");
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
            complain(family, "worker, spare, guard and entry are not all there", KILLER_WHOLE_US);
            return false;
        }
        sleep_us(300);
    }
}

bool killer_wait_retired(struct killer *killer)
{
    struct family family;
    const uint64_t since = now_us();
    while (killer_wait_whole(killer, &family)) {
        const uint64_t retiring_us = now_us() - since;
        if (family_count(&family, FAMILY_ENTRY) == 1) {
            if (retiring_us > killer->longest_retiring_us)
                killer->longest_retiring_us = retiring_us;
            return true;
        }
        if (retiring_us > KILLER_RETIRED_US)
            complain(&family, "there is more than one entry", KILLER_RETIRED_US);
        sleep_us(2000);
    }
    return false;
}

void killer_rush(struct killer *killer)
{
    atomic_store(killer->rush, 1 + (unsigned)dice_below(&killer->dice, KILLER_RUSH));
    sleep_us(dice_below(&killer->dice, KILLER_RUSH_US));
}

// Worker and entry sleep most of the time, and killing them then is of little interest: half of the
// strikes wait a little for a moment in which the victim is at work.
static void catch_at_work(struct killer *killer, const struct family *family, unsigned first)
{
    const bool is_entry = family->role[first] == FAMILY_ENTRY;
    const pid_t pid = is_entry ? family->pid[first] : family_find(family, FAMILY_WORKER);
    const uint64_t until = now_us() + KILLER_CATCH_US;
    if (dice_one_in(&killer->dice, 2))
        while (now_us() < until && !family_is_busy(pid))
            sleep_us(dice_below(&killer->dice, 100));
}

// A pidfd, so that a number that was given to another process meanwhile is not killed.
static bool kill_one(struct killer *killer, pid_t pid, enum family_role role)
{
    if (killer->n_victims == KILLER_MAX_VICTIMS)
        return false;
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pidfd < 0)
        return false;
    // Whom it is shaking hands with sees the end at once.
    if (role == FAMILY_ENTRY)
        player_note_entry_death(killer->entry_deaths);
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

// One of the role: of entries any.
static unsigned choose_first(struct killer *killer, const struct family *family,
                             enum family_role role)
{
    unsigned left = (unsigned)dice_below(&killer->dice, family_count(family, role));
    unsigned i = 0;
    while (family->role[i] != role || left-- > 0)
        i++;
    return i;
}

// From one more to all but one, as the dice fall.
static void kill_others(struct killer *killer, const struct family *family, unsigned first)
{
    unsigned with_table = family_has_table(family->role[first]);
    unsigned n = 1 + (unsigned)dice_below(&killer->dice, family->n - 1);
    const unsigned from = (unsigned)dice_below(&killer->dice, family->n);
    for (unsigned i = 0; i < family->n && n > 0; i++) {
        const unsigned next = (from + i) % family->n;
        const bool has_table = family_has_table(family->role[next]);
        if (next == first || (has_table && with_table == KILLER_WITH_TABLE))
            continue;
        with_table += has_table;
        n--;
        sleep_us(dice_one_in(&killer->dice, 3) ? 0 : dice_below(&killer->dice, KILLER_APART_US));
        kill_one(killer, family->pid[next], family->role[next]);
    }
}

void killer_strike(struct killer *killer, enum family_role role)
{
    struct family family;
    if (!killer_wait_whole(killer, &family))
        return;
    const unsigned first = choose_first(killer, &family, role);
    killer->n_victims = 0;
    if (dice_one_in(&killer->dice, role == FAMILY_ENTRY ? 1 : 2))
        killer_rush(killer);
    catch_at_work(killer, &family, first);
    kill_one(killer, family.pid[first], family.role[first]);
    if (dice_one_in(&killer->dice, 2))
        kill_others(killer, &family, first);
    killer->together[killer->n_victims]++;
    if (dice_one_in(&killer->dice, KILLER_NEWBORN_ONE_IN))
        kill_newborn(killer, &family);
}

// Whoever has the role at that moment. The guard that was there keeps its pid when it becomes
// another program, and one that goes back has another.
static pid_t choose_victim(const struct killer *killer, const struct family *family)
{
    if (killer->spares_spare && killer->role != FAMILY_WORKER && killer->role != FAMILY_ENTRY)
        return killer->guard;
    const unsigned n = family_count(family, killer->role);
    unsigned left = n > 0 ? killer->nth % n : 0;
    for (unsigned i = 0; i < family->n; i++)
        if (family->role[i] == killer->role && left-- == 0)
            return family->pid[i];
    return 0;
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
                                             FAMILY_ENTRY, FAMILY_OTHER};
    struct family family;
    killer->n_victims = 0;
    // All dice are thrown, whatever comes of it: what follows depends on the seed only.
    const bool strikes = dice_one_in(&killer->dice, KILLER_AMID_ONE_IN);
    killer->spares_spare = spares_spare;
    killer->delay_us = dice_below(&killer->dice, KILLER_AMID_US);
    killer->role = roles[dice_below(&killer->dice, sizeof roles / sizeof *roles)];
    killer->nth = (unsigned)dice_below(&killer->dice, FAMILY_MAX);
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
