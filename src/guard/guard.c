// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The guard's loop (guard.h). Whatever it knows of the others it can find out anew
// from the vault, because at any moment a spare may have to go on from there.
// Errors: logged and tried again.
#include "guard/guard.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/sanitizer.h"
#include "base/title.h"
#include "entry/page.h"
#include "guard/guard_part.h"
#include "guard/obituary.h"
#include "guard/reload/reload.h"
#include "guard/remains.h"
#include "guard/store/manager.h"
#include "guard/store/store.h"
#include "guard/upgrade/probation.h"
#include "guard/upgrade/upgrade.h"
#include "process/lease.h"
#include "process/role.h"
#include "vault/upgrading.h"
#include "vault/view.h"
#include "vault/workers.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PLACE_LOOK_MS 20  // when a place was taken by another, to see by whom
#define READY_LOOK_MS 5   // while the first worker starts
#define END_GRACE_MS 500u // beyond stop-timeout, before the worker is killed

static volatile sig_atomic_t orders;   // SIGINT, SIGQUIT, SIGTERM received
static volatile sig_atomic_t leaves;   // SIGTERM received from a manager who keeps the connections
static volatile sig_atomic_t upgrades; // SIGUSR2 received

static void wake(int signal_number)
{
    (void)signal_number;
}

static void take_order(int signal_number)
{
    if (signal_number == SIGUSR2)
        upgrades = upgrades + 1;
    else if (signal_number == SIGTERM && manager_has_store())
        leaves = leaves + 1;
    else
        orders = orders + 1;
}

static void set_signals(void)
{
    // A guard may have been a worker's copy: none of its handlers stays.
    static const int defaults[] = {SIGSEGV, SIGABRT, SIGILL, SIGFPE, SIGTRAP, SIGCHLD};
    static const struct {
        int number;
        void (*take)(int);
    } taken[] = {{SIGTERM, take_order},        {SIGINT, take_order},
                 {SIGQUIT, take_order},        {SIGUSR2, take_order},
                 {SIGHUP, reload_note_signal}, {SIGUSR1, wake}}; // there is an order in the vault
    sigset_t blocked;
    sigemptyset(&blocked);
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        sigaddset(&blocked, taken[i].number);
    sigprocmask(SIG_SETMASK, &blocked, NULL);
#ifndef UNDER_ADDRESS_SANITIZER
    for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
        signal(defaults[i], SIG_DFL);
#else
    signal(SIGCHLD, SIG_DFL);
    (void)defaults;
#endif
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR2, SIG_IGN); // for a moment: what an earlier program was still to be told is over
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        sigaction(taken[i].number, &(struct sigaction){.sa_handler = taken[i].take}, NULL);
}

static void write_pid(const struct guard *guard)
{
    char text[16];
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    // The lock itself is the table's; the number is for people and libstay.
    if (guard->heritage->lock_fd >= 0 &&
        (ftruncate(guard->heritage->lock_fd, 0) < 0 ||
         pwrite(guard->heritage->lock_fd, text, (size_t)n, 0) != n))
        log_event(LOG_SYSTEM, "what=\"write the pid\" error=\"%s\"", strerror(errno));
}

// A new heritage is taken on by the spare first, then by the worker (I21). In this order, so that
// somebody is there to make the worker whoever dies in between.
static void pass_heritage_on(struct guard *guard)
{
    bool is_old = guard->spare.pid && guard->spare.heritage != guard->heritage->id;
    if (is_old && !guard_end_spare(guard))
        return;
    if (guard->spare.pid == 0)
        guard_make_spare(guard);
    bool is_ending = guard->vault.head->ending_until_ms; // the present worker's end will do
    if (guard->spare.pid && guard->worker.pid > 0 && reload_is_due(&guard->reload) && !is_ending)
        reload_end_worker(&guard->reload, guard->worker.pid);
}

// Did it end because it was to? `status`: as remains_look says; -1 after an earlier guard's death.
static bool has_left(const struct vault_head *head, pid_t worker, int status)
{
    bool is_quiet = status <= 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return head->reload.leaving == (uint32_t)worker && head->deaths.note.signal == 0 && is_quiet;
}

static void say_ready(struct guard *guard)
{
    int fd = vault_guard_fds(&guard->vault)[HERITAGE_READY];
    manager_say(-1, true, "READY=1");
    if (fd >= 0 && write(fd, "1", 1) != 1)
        log_event(LOG_SYSTEM, "what=\"say ready\" error=\"%s\"", strerror(errno));
    heritage_renew(&guard->vault, HERITAGE_READY, -1);
    // Last: a guard that dies here is followed by one that says it again, which does no harm.
    guard->was_ready = true;
    guard->vault.head->ready_said = 1;
}

static void worker_died(struct guard *guard)
{
    pid_t pid = guard->worker.pid;
    bool was_ready = workers_is_ready(guard->vault.head);
    int status = remains_look(guard, pid);
    guard->worker = (struct child){0};
    if (was_ready && !guard->was_ready && entries_is_open(guard))
        say_ready(guard); // it has died before that could be said
    if (workers_phase(guard->vault.head) != WORKER_ENDED)
        workers_set_phase(guard->vault.head, WORKER_DEAD);
    else if (status <= 0)
        return;
    if (has_left(guard->vault.head, pid, status)) {
        log_event(LOG_WORKER_RETIRED, "pid=%d", (int)pid);
        return;
    }
    char how[OBITUARY_HOW_BYTES];
    int crash = obituary_write(&guard->vault, pid, status, how);
    guard_count_failed(guard, how);
    uint64_t now_ms = clock_boot_ms();
    bool is_bad = crash || (!was_ready && !reload_is_due(&guard->reload));
    guard->retry_ms = now_ms + brake_count(&guard->brake, is_bad, now_ms);
}

// ---- The duties ----

static bool may_clone(const struct guard *guard, uint64_t now_ms)
{
    return now_ms >= guard->retry_ms;
}

static int sleep_until_clone(const struct guard *guard, uint64_t now_ms)
{
    return may_clone(guard, now_ms) ? PLACE_LOOK_MS : (int)(guard->retry_ms - now_ms);
}

// Nobody takes a living guard's place; if it has happened, there is one guard too many.
static void check_place(struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    if (guard->vault.head->guard != guard->word)
        _exit(0);
}

static void mind_death(struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    if (guard_is_dead(&guard->worker))
        worker_died(guard);
    if (workers_phase(guard->vault.head) == WORKER_ENDED)
        guard_finish(guard, 0);
}

static void mind_worker(struct guard *guard, uint64_t now_ms)
{
    if (guard->worker.pid == 0 && may_clone(guard, now_ms))
        guard_make_worker(guard);
}

static int worker_sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    return guard->worker.pid == 0 ? sleep_until_clone(guard, now_ms) : -1;
}

static int worker_fd(const struct guard *guard)
{
    return guard->worker.pid ? guard->worker.pidfd : -1;
}

static void mind_spare(struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    if (!guard_is_dead(&guard->spare))
        return;
    waitpid(guard->spare.pid, NULL, WNOHANG);
    log_event(LOG_SPARE_DIED, "pid=%d", (int)guard->spare.pid);
    guard->spare = (struct child){0};
}

static int spare_sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    return guard->spare.pid == 0 ? sleep_until_clone(guard, now_ms) : -1;
}

static int spare_fd(const struct guard *guard)
{
    return guard->spare.pid ? guard->spare.pidfd : -1;
}

static void mind_reload(struct guard *guard, uint64_t now_ms)
{
    bool has_all = guard->was_ready && guard->worker.pid > 0;
    reload_step(&guard->reload, has_all, entries_have_changed(guard), now_ms);
}

static int mind_reload_ms(const struct guard *guard, uint64_t now_ms)
{
    return reload_sleep_ms(&guard->reload, now_ms);
}

static int mind_reload_fd(const struct guard *guard)
{
    return reload_fd(&guard->reload);
}

static void mind_heritage(struct guard *guard, uint64_t now_ms)
{
    if (may_clone(guard, now_ms) && vault_is_proven(&guard->vault))
        pass_heritage_on(guard);
}

// The first worker and the first entry are ready: players can connect.
static void mind_start(struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    if (!guard->was_ready && workers_is_ready(guard->vault.head) && entries_is_open(guard))
        say_ready(guard);
}

// Certificates that end soon are warned of.
static void mind_dates(struct guard *guard, uint64_t now_ms)
{
    static struct entry_page page;
    uint64_t now_wall_s = clock_wall_ms() / 1000;
    (void)now_ms;
    if (guard->was_ready && watch_is_due(guard->heritage, now_wall_s) &&
        page_read_present(&guard->vault, &page))
        watch_dates(guard->heritage, &page, now_wall_s);
}

static int start_sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    return guard->worker.pid > 0 && !guard->was_ready ? READY_LOOK_MS : -1;
}

static void mind_remains(struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    if (guard->worker.pid > 0 && workers_is_ready(guard->vault.head))
        remains_clear(guard);
}

static int remains_sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    return guard->worker.pid > 0 && remains_exist(guard) ? READY_LOOK_MS : -1;
}

static void mind_orders(struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    // Both may have come at once: a manager's SIGTERM follows the order to end.
    if (orders) {
        orders = 0;
        guard_begin_end(guard);
    }
    if (leaves)
        guard_leave(guard);
}

static int orders_sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    bool is_waiting = leaves && !guard->vault.head->ending_until_ms;
    return is_waiting ? sleep_until_clone(guard, now_ms) : -1;
}

// An upgrade that was asked for waits for a reload that nobody has asked for, which ends by itself;
// one that somebody has is in the way.
static bool may_upgrade(const struct guard *guard)
{
    return guard->was_ready &&
           (!reload_is_under_way(&guard->reload) || reload_is_ordered(&guard->reload));
}

// An order of the control channel stands in the vault. Were a signal all that it is known by, a second
// one for the same order would be an upgrade that nobody has asked for.
static bool is_upgrade_ordered(const struct guard *guard)
{
    return upgrades || upgrading_is_asked(guard->vault.head);
}

static void mind_upgrade(struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    if (is_upgrade_ordered(guard) && may_upgrade(guard)) {
        upgrades = 0;
        upgrade_order(guard);
    }
    upgrade_step(guard);
}

static int mind_upgrade_ms(const struct guard *guard, uint64_t now_ms)
{
    (void)now_ms;
    return is_upgrade_ordered(guard) && guard->was_ready ? READY_LOOK_MS : upgrade_sleep_ms(guard);
}

// A worker that does not come to its orderly end is killed.
static void mind_end(struct guard *guard, uint64_t now_ms)
{
    const uint64_t until_ms = guard->vault.head->ending_until_ms;
    if (until_ms && now_ms >= until_ms + END_GRACE_MS)
        guard_finish(guard, 0);
}

static int end_sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    const uint64_t until_ms = guard->vault.head->ending_until_ms;
    if (until_ms == 0)
        return -1;
    return until_ms + END_GRACE_MS > now_ms ? (int)(until_ms + END_GRACE_MS - now_ms) : 0;
}

// What the guard has to do, in this order, whenever it wakes.
static const struct duty {
    void (*step)(struct guard *guard, uint64_t now_ms);
    // When to step again at the latest, ms from now; -1: not because of this. NULL: so always.
    int (*sleep_ms)(const struct guard *guard, uint64_t now_ms);
    // What is readable when there is something to do; -1, NULL: nothing.
    int (*fd)(const struct guard *guard);
} duties[] = {
    {check_place, NULL, NULL},
    {mind_death, NULL, worker_fd},
    {mind_worker, worker_sleep_ms, NULL},
    {mind_spare, spare_sleep_ms, spare_fd},
    {mind_reload, mind_reload_ms, mind_reload_fd},
    {probation_step, NULL, NULL}, // its time is the upgrade's
    {mind_heritage, NULL, NULL},  // with the spare's
    {entries_show, entries_show_ms, NULL},
    {mind_dates, NULL, NULL},               // with the reload's
    {entries_step, entries_sleep_ms, NULL}, // and entries_fd
    {mind_start, start_sleep_ms, NULL},
    {mind_remains, remains_sleep_ms, NULL},
    {store_step, store_sleep_ms, store_fd},
    {mind_orders, orders_sleep_ms, NULL},
    {mind_upgrade, mind_upgrade_ms, NULL},
    {mind_end, end_sleep_ms, NULL},
};

#define N_DUTIES (sizeof duties / sizeof *duties)

// Each at its own time: the one before may have set a time from which on the next may act.
static void step(struct guard *guard)
{
    for (size_t i = 0; i < N_DUTIES; i++)
        duties[i].step(guard, clock_boot_ms());
}

static void sleep_until_news(const struct guard *guard)
{
    const uint64_t now_ms = clock_boot_ms();
    struct pollfd fds[N_DUTIES + VAULT_ENTRIES];
    int least_ms = -1;
    for (size_t i = 0; i < N_DUTIES; i++) {
        const struct duty *duty = &duties[i];
        int ms = duty->sleep_ms ? duty->sleep_ms(guard, now_ms) : -1;
        fds[i] = (struct pollfd){.fd = duty->fd ? duty->fd(guard) : -1, .events = POLLIN};
        if (ms >= 0 && (least_ms < 0 || ms < least_ms))
            least_ms = ms;
    }
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        fds[N_DUTIES + i] = (struct pollfd){.fd = entries_fd(guard, i), .events = POLLIN};
    struct timespec timeout = {.tv_sec = least_ms / 1000, .tv_nsec = least_ms % 1000 * 1000000L};
    sigset_t none;
    sigemptyset(&none);
    ppoll(fds, N_DUTIES + VAULT_ENTRIES, least_ms < 0 ? NULL : &timeout, &none);
}

static _Noreturn void loop(struct guard *guard)
{
    guard->brake = (struct brake){BRAKE_FULL, clock_boot_ms()};
    view_copy(guard->heritage->view, &guard->vault.head->view); // its last writer may be dead
    entries_begin(guard);
    store_begin(guard);
    manager_say(-1, false, "MAINPID=%d", (int)getpid());
    for (;;) {
        step(guard);
        sleep_until_news(guard);
    }
}

void guard_run(struct heritage *heritage, uint64_t dead)
{
    struct guard guard = {
        .heritage = heritage, .vault = heritage->vault, .reload = {.heritage = heritage}};
    guard.word = lease_take(&guard.vault.head->guard, dead);
    if (!guard.word)
        _exit(0);
    set_signals();
    title_set("stayd: guard");
    if (lease_pid(dead))
        log_event(LOG_GUARD_TAKEN, "pid=%d dead=%d", (int)getpid(), (int)lease_pid(dead));
    guard.was_ready = guard.vault.head->ready_said;
    heritage_renew(&guard.vault, HERITAGE_TRIAL, -1);
    heritage_renew(&guard.vault, HERITAGE_PROGRAM, -1);
    write_pid(&guard);
    probation_take_up(&guard);
    loop(&guard);
}

void guard_adopt(struct heritage *heritage, uint64_t word)
{
    struct guard guard = {.heritage = heritage,
                          .vault = heritage->vault,
                          .word = word,
                          .reload = {.heritage = heritage}};
    const struct vault_head *head = guard.vault.head;
    set_signals();
    title_set("stayd: guard");
    guard.was_ready = true;
    guard.entries.is_loud = true; // the trial was silent
    vault_want_entry(&guard.vault);
    guard.spare = (struct child){lease_pid(head->spare),
                                 vault_guard_fds(&guard.vault)[HERITAGE_SPARE_PIDFD], 0};
    remains_inherit(&guard);
    loop(&guard);
}
