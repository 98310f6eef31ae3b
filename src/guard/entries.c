// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Watching and ending entries (entries.h). Errors: as there.
#include "guard/entries.h"

#include "base/clock.h"
#include "base/log.h"
#include "entry/page.h"
#include "entry/tickets.h"
#include "guard/entry_place.h"
#include "guard/guard_part.h"
#include "guard/obituary.h"
#include "process/lease.h"
#include "vault/handover.h"
#include "vault/view.h"
#include "vault/workers.h"

#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define LOOK_MS 5           // while one gets ready
#define RETIRING_MS 50      // while others retire
#define OPEN_MS 5000        // while all is well
#define SHORT_LIFE_MS 5000u // who dies so soon again and again is made more slowly
#define PATIENT_TRIES 5u
#define LONGEST_WAIT_MS 32000u
#define LEAVE_MS 2000u // for those who are shaking hands when stayd leaves

static struct vault_entry *entry_at(const struct guard *guard, unsigned i)
{
    return entry_place(&guard->vault, i);
}

static int fd_at(const struct guard *guard, unsigned place, unsigned i)
{
    return vault_guard_fds(&guard->vault)[place + i];
}

static bool is_alive(const struct guard *guard, unsigned i)
{
    const struct vault_entry *entry = entry_at(guard, i);
    int pidfd = fd_at(guard, HERITAGE_ENTRY_PIDFD, i);
    return entry->state == ENTRY_MADE && entry->pid && pidfd >= 0 && !lease_has_died(pidfd);
}

static bool is_wanted(const struct guard *guard, unsigned i)
{
    return entry_at(guard, i)->edition == vault_entries(&guard->vault)->wanted;
}

static void kill_entry(const struct guard *guard, unsigned i)
{
    int pidfd = fd_at(guard, HERITAGE_ENTRY_PIDFD, i);
    if (pidfd >= 0)
        pidfd_send_signal(pidfd, SIGKILL, NULL, 0);
}

static void shut_queue(const struct guard *guard, unsigned i)
{
    int queue = fd_at(guard, HERITAGE_ENTRY_QUEUE, i);
    if (queue >= 0)
        shutdown(queue, SHUT_RDWR);
}

static enum page_phase look(const struct guard *guard, unsigned i, struct page_pulse *pulse)
{
    if (!page_read_pulse(fd_at(guard, HERITAGE_ENTRY_PAGE, i), pulse))
        *pulse = (struct page_pulse){.phase = PAGE_STARTING};
    return (enum page_phase)pulse->phase;
}

// The place of the living entry of the wanted edition, or VAULT_ENTRIES.
static unsigned find_present(const struct guard *guard)
{
    unsigned i = 0;
    while (i < VAULT_ENTRIES && !(is_alive(guard, i) && is_wanted(guard, i)))
        i++;
    return i;
}

static bool is_present_in(const struct guard *guard, enum page_phase phase)
{
    struct page_pulse pulse;
    unsigned i = find_present(guard);
    return i < VAULT_ENTRIES && look(guard, i, &pulse) >= phase && pulse.phase <= PAGE_OPEN;
}

bool entries_is_ready(const struct guard *guard)
{
    return is_present_in(guard, PAGE_READY);
}

bool entries_is_open(const struct guard *guard)
{
    return is_present_in(guard, PAGE_OPEN);
}

bool entries_have_changed(const struct guard *guard)
{
    struct page_pulse pulse;
    bool is_alone = true;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        if (is_alive(guard, i) && !is_wanted(guard, i)) {
            enum page_phase phase = look(guard, i, &pulse);
            is_alone &= phase == PAGE_STARTING || phase == PAGE_RETIRING;
        }
    return is_alone && entries_is_open(guard);
}

// Of an entry that the guard does not know yet nothing has been seen. That it is open, the guard before
// has said.
static void meet(struct guard *guard, unsigned i, uint64_t now_ms)
{
    struct entries *entries = &guard->entries;
    struct page_pulse pulse;
    uint64_t serial = entry_at(guard, i)->serial;
    if (entries->seen[i].serial == serial)
        return;
    memset(&entries->seen[i], 0, sizeof entries->seen[i]);
    entries->seen[i].serial = serial;
    entries->seen[i].since_ms = now_ms;
    entries->seen[i].beat_ms = now_ms;
    entries->seen[i].look_ms = now_ms;
    entries->seen[i].was_open = look(guard, i, &pulse) >= PAGE_OPEN;
}

// When there may be another: the longer, the more of them have not even been open.
static void brake(struct guard *guard, uint64_t lived_ms, bool was_open, const char *how,
                  uint64_t now_ms)
{
    struct entries *entries = &guard->entries;
    bool is_bad = !was_open || lived_ms < SHORT_LIFE_MS;
    uint64_t wait_ms = brake_count(&entries->brake, is_bad, now_ms);
    entries->n_failed = was_open ? 0 : entries->n_failed + 1;
    if (entries->n_failed > PATIENT_TRIES)
        wait_ms = entries->n_failed > PATIENT_TRIES + 5
                      ? LONGEST_WAIT_MS
                      : 1000u << (entries->n_failed - PATIENT_TRIES);
    entries->retry_ms = now_ms + wait_ms;
    if (!was_open)
        guard_count_failed(guard, how);
}

static void died(struct guard *guard, unsigned i, uint64_t now_ms)
{
    struct vault_entry *entry = entry_at(guard, i);
    struct page_pulse pulse;
    char how[OBITUARY_HOW_BYTES];
    int status = -1;
    bool was_good = look(guard, i, &pulse) >= PAGE_OPEN;
    if (waitpid((pid_t)entry->pid, &status, WNOHANG) != (pid_t)entry->pid)
        status = -1;
    bool is_to_end = pulse.phase == PAGE_RETIRING || guard->vault.head->ending_until_ms;
    bool has_retired = is_to_end && status <= 0 && pulse.death.signal == 0;
    pid_t pid = (pid_t)entry->pid;
    // First the note, which must not be lost with a guard.
    if (has_retired)
        log_event(LOG_ENTRY_RETIRED, "pid=%d", (int)pid);
    else
        obituary_write_entry(&guard->vault, guard->heritage->view, pid, status, &pulse, how);
    entry->pid = 0;
    heritage_renew(&guard->vault, HERITAGE_ENTRY_PIDFD + i, -1);
    if (!has_retired && is_wanted(guard, i))
        brake(guard, now_ms - guard->entries.seen[i].since_ms, was_good, how, now_ms);
}

// Its queue is at its end. The worker may see that before the guard sees the death, which is to be
// noted all the same; and what has let go of its queue and lives on is of no use. True: it is dead.
static bool see_off(struct guard *guard, unsigned i, uint64_t now_ms)
{
    int pidfd = fd_at(guard, HERITAGE_ENTRY_PIDFD, i);
    meet(guard, i, now_ms);
    if (entry_at(guard, i)->pid == 0 || pidfd < 0)
        return true;
    if (!lease_has_died(pidfd)) {
        kill_entry(guard, i);
        return false;
    }
    died(guard, i, now_ms);
    return true;
}

// One that hangs, or does not get ready, is as good as dead.
static void look_for_hang(struct guard *guard, unsigned i, const struct page_pulse *pulse,
                          uint64_t now_ms)
{
    struct entries *entries = &guard->entries;
    // Without a look for long all have slept: the machine was suspended.
    bool has_slept = now_ms - entries->seen[i].look_ms > 2 * OPEN_MS;
    entries->seen[i].look_ms = now_ms;
    if (entries->seen[i].beats != pulse->beats || has_slept) {
        entries->seen[i].beats = pulse->beats;
        entries->seen[i].beat_ms = now_ms;
    }
    uint64_t patience_ms = pulse->phase == PAGE_STARTING ? ENTRY_READY_MS : ENTRY_HANG_MS;
    if (now_ms - entries->seen[i].beat_ms < patience_ms)
        return;
    log_event(LOG_SYSTEM, "what=\"an entry hangs and is killed\" pid=%u phase=%s",
              entry_at(guard, i)->pid, page_phase_name((enum page_phase)pulse->phase));
    kill_entry(guard, i);
    entries->seen[i].beat_ms = now_ms;
}

// Not before there is a worker of the same heritage: the indices of listeners are its.
static bool may_open(const struct guard *guard)
{
    return vault_is_proven(&guard->vault) && workers_is_ready(guard->vault.head) &&
           !reload_is_due(&guard->reload) && !guard->entries.leave_ms;
}

static void mind_present(struct guard *guard, unsigned i, const struct page_pulse *pulse)
{
    struct entries *entries = &guard->entries;
    if (pulse->phase >= PAGE_READY && !entries->seen[i].was_ready) {
        entries->seen[i].was_ready = true;
        int wallet = fd_at(guard, HERITAGE_ENTRY_WALLET, i);
        if (wallet >= 0) {
            heritage_renew(&guard->vault, HERITAGE_WALLET, wallet);
            heritage_claim(&guard->vault, HERITAGE_ENTRY_WALLET + i, -1);
        }
    }
    if (pulse->phase == PAGE_READY && may_open(guard))
        handover_order(fd_at(guard, HERITAGE_ENTRY_QUEUE, i), HANDOVER_OPEN);
    if (pulse->phase == PAGE_OPEN && !entries->seen[i].was_open) {
        entries->seen[i].was_open = true;
        log_event(LOG_ENTRY_OPEN, "pid=%u edition=%u", entry_at(guard, i)->pid,
                  entry_at(guard, i)->edition);
    }
}

// One of before that is not open yet never will be; several of them would take all places.
static bool is_useless(const struct guard *guard, unsigned i, const struct page_pulse *pulse)
{
    return !is_wanted(guard, i) && pulse->phase == PAGE_READY;
}

static void mind_entry(struct guard *guard, unsigned i, bool is_over, uint64_t now_ms)
{
    struct page_pulse pulse;
    const struct vault_entry *entry = entry_at(guard, i);
    int pidfd = fd_at(guard, HERITAGE_ENTRY_PIDFD, i);
    meet(guard, i, now_ms);
    // Its maker was killed, or could not make it: whether there is a process is not known.
    if (entry->pid == 0 || pidfd < 0) {
        shut_queue(guard, i);
        return;
    }
    if (lease_has_died(pidfd)) {
        died(guard, i, now_ms);
        shut_queue(guard, i);
        return;
    }
    look(guard, i, &pulse);
    if (guard->vault.head->ending_until_ms)
        shut_queue(guard, i);
    else if ((is_over && pulse.phase != PAGE_RETIRING) || is_useless(guard, i, &pulse))
        handover_order(fd_at(guard, HERITAGE_ENTRY_QUEUE, i), HANDOVER_RETIRE);
    else if (!is_over && is_wanted(guard, i))
        mind_present(guard, i, &pulse);
    look_for_hang(guard, i, &pulse, now_ms);
}

static void make(struct guard *guard, unsigned i)
{
    if (!entry_place_make(guard->heritage, i, !guard->entries.is_loud)) {
        guard->entries.retry_ms = clock_boot_ms() + GUARD_RETRY_MS;
        return;
    }
    guard->entries.is_loud = false;
    if (guard->worker.pid > 0)
        kill(guard->worker.pid, SIGUSR1);
}

static unsigned find_free(const struct guard *guard)
{
    unsigned i = 0;
    while (i < VAULT_ENTRIES && entry_at(guard, i)->state != ENTRY_FREE)
        i++;
    return i;
}

// The oldest that is in this phase, or VAULT_ENTRIES.
static unsigned find_oldest(const struct guard *guard, enum page_phase phase)
{
    unsigned oldest = VAULT_ENTRIES;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++) {
        struct page_pulse pulse;
        if (look(guard, i, &pulse) == phase &&
            (oldest == VAULT_ENTRIES ||
             entry_at(guard, i)->serial < entry_at(guard, oldest)->serial))
            oldest = i;
    }
    return oldest;
}

// Of those who retire the first one has had its time when there is no place for the next one. One at a
// time: it takes a moment until the place of one that is dead is free. If all are open, because each
// time something else was wanted at once, the first one need not wait for the one that is wanted.
static void make_room(const struct guard *guard)
{
    struct page_pulse pulse;
    bool is_all_open = true;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++) {
        if (!is_alive(guard, i))
            return;
        is_all_open &= look(guard, i, &pulse) == PAGE_OPEN;
    }
    unsigned oldest = find_oldest(guard, is_all_open ? PAGE_OPEN : PAGE_RETIRING);
    if (is_all_open)
        handover_order(fd_at(guard, HERITAGE_ENTRY_QUEUE, oldest), HANDOVER_RETIRE);
    else if (oldest < VAULT_ENTRIES)
        kill_entry(guard, oldest);
}

static bool is_one_missing(const struct guard *guard)
{
    return !guard->vault.head->ending_until_ms && !guard->entries.leave_ms &&
           find_present(guard) == VAULT_ENTRIES;
}

void entries_begin(struct guard *guard)
{
    struct vault_entries *all = vault_entries(&guard->vault);
    uint64_t now_ms = clock_boot_ms();
    guard->entries.brake = (struct brake){BRAKE_FULL, now_ms};
    heritage_renew(&guard->vault, HERITAGE_ENTRY_SENDING, -1);
    if (all->wanted == 0)
        vault_want_entry(&guard->vault);
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        meet(guard, i, now_ms);
}

void entries_step(struct guard *guard, uint64_t now_ms)
{
    bool is_open = entries_is_open(guard) || guard->entries.leave_ms;
    bool is_one_dying = false;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++) {
        if (entry_at(guard, i)->state == ENTRY_READ_OUT && see_off(guard, i, now_ms))
            entry_place_free(&guard->vault, i);
        is_one_dying |= entry_at(guard, i)->state == ENTRY_READ_OUT && is_wanted(guard, i);
        if (entry_at(guard, i)->state == ENTRY_MADE)
            mind_entry(guard, i, is_open && (!is_wanted(guard, i) || guard->entries.leave_ms),
                       now_ms);
    }
    // How it died says when there may be another.
    if (is_one_dying || !is_one_missing(guard) || now_ms < guard->entries.retry_ms)
        return;
    unsigned place = find_free(guard);
    if (place < VAULT_ENTRIES)
        make(guard, place);
    else
        make_room(guard);
}

int entries_sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    bool is_quiet = true;
    if (guard->vault.head->ending_until_ms)
        return -1;
    if (is_one_missing(guard) && now_ms < guard->entries.retry_ms)
        return (int)(guard->entries.retry_ms - now_ms);
    if (!entries_is_open(guard))
        return LOOK_MS;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        is_quiet &= entry_at(guard, i)->state == ENTRY_FREE || is_wanted(guard, i);
    return is_quiet ? (int)OPEN_MS : RETIRING_MS;
}

int entries_fd(const struct guard *guard, unsigned place)
{
    return entry_at(guard, place)->pid ? fd_at(guard, HERITAGE_ENTRY_PIDFD, place) : -1;
}

void entries_end(const struct guard *guard)
{
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        if (entry_at(guard, i)->state == ENTRY_MADE)
            shut_queue(guard, i);
}

void entries_kill(const struct guard *guard)
{
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        if (entry_at(guard, i)->pid)
            kill_entry(guard, i);
}

bool entries_leave(struct guard *guard, uint64_t now_ms)
{
    bool is_done = true;
    if (guard->entries.leave_ms == 0)
        guard->entries.leave_ms = now_ms;
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        is_done &= entry_at(guard, i)->state == ENTRY_FREE;
    return is_done || now_ms - guard->entries.leave_ms >= LEAVE_MS;
}

void entries_stay(struct guard *guard)
{
    guard->entries.leave_ms = 0;
}

void entries_show(struct guard *guard, uint64_t now_ms)
{
    struct vault_view *view = &guard->vault.head->view;
    if (tickets_tick(view, now_ms / 1000))
        view_copy(guard->heritage->view, view);
}

int entries_show_ms(const struct guard *guard, uint64_t now_ms)
{
    uint64_t due_ms = tickets_due(&guard->vault.head->view) * 1000;
    return due_ms > now_ms ? (int)(due_ms - now_ms) : (int)GUARD_RETRY_MS;
}
