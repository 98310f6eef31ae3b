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
#include "guard/guard_part.h"
#include "guard/obituary.h"
#include "guard/reload/reload.h"
#include "guard/remains.h"
#include "guard/store/manager.h"
#include "guard/store/store.h"
#include "guard/sweep.h"
#include "guard/upgrade/probation.h"
#include "guard/upgrade/upgrade.h"
#include "process/clone.h"
#include "process/lease.h"
#include "process/role.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_RETRY_MS 1000 // after a failed clone
#define PLACE_LOOK_MS 20    // when a place was taken by another, to see by whom
#define READY_LOOK_MS 5     // while the first worker starts
#define END_GRACE_MS 500u   // beyond stop-timeout, before the worker is killed
#define START_TRIES 3u      // workers that may die before the first one is ready
#define END_MS 2000         // for a killed process to be dead

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

void guard_renew_fd(struct guard *guard, unsigned place, int fd)
{
    int old = vault_guard_fds(&guard->vault)[place];
    heritage_claim(&guard->vault, place, fd);
    if (old >= 0 && old != fd)
        close(old);
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

// SIGUSR1 wakes the spare, and only while it sleeps.
static void set_spare_signals(sigset_t *asleep)
{
    sigset_t blocked;
    struct sigaction action = {.sa_handler = wake};
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGQUIT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGUSR2, SIG_IGN);
    sigfillset(asleep);
    sigdelset(asleep, SIGUSR1);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    sigprocmask(SIG_BLOCK, &blocked, NULL);
    sigaction(SIGUSR1, &action, NULL);
}

// The spare sleeps until the guard is dead, or is a new program that is late. The guard is its
// parent, and its death is a signal (prctl(2), PR_SET_PDEATHSIG). A pidfd would not do: if another
// process takes the guard's place before the spare has begun to sleep, the descriptor's number in
// the shared table is soon that of something else.
void guard_spare_run(struct heritage *heritage, uint64_t guard_word)
{
    const struct vault *vault = &heritage->vault;
    const pid_t parent = lease_pid(guard_word);
    sigset_t asleep;
    set_spare_signals(&asleep);
    const bool is_told = prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0;
    title_set("stayd: spare");
    while (vault->head->guard == guard_word && getppid() == parent) {
        int ms = probation_sleep_ms(vault);
        if (!is_told && (ms < 0 || ms > PLACE_LOOK_MS))
            ms = PLACE_LOOK_MS;
        struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
        if (ppoll(NULL, 0, ms < 0 ? NULL : &timeout, &asleep) == 0)
            probation_end_late(vault, parent);
    }
    if (getppid() == parent || !vault_is_proven(vault))
        _exit(0);
    prctl(PR_SET_PDEATHSIG, 0);
    role_become(ROLE_GUARD, guard_word);
}

static void try_later(struct guard *guard, const char *what)
{
    log_event(LOG_SYSTEM, "what=\"%s\" error=\"%s\"", what, strerror(errno));
    guard->retry_ms = clock_boot_ms() + GUARD_RETRY_MS;
}

bool guard_make_spare(struct guard *guard)
{
    int pidfd;
    pid_t pid = clone_sharing_table(&pidfd);
    if (pid == 0)
        role_become(ROLE_SPARE, guard->word);
    if (pid < 0) {
        try_later(guard, "make a spare");
        return false;
    }
    guard->vault.head->spare = (uint32_t)pid;
    guard_renew_fd(guard, HERITAGE_SPARE_PIDFD, pidfd);
    guard->spare = (struct process){pid, pidfd, guard->heritage->id};
    log_event(LOG_SPARE_MADE, "pid=%d", (int)pid);
    return true;
}

// Watch a worker that an earlier guard made.
static void adopt_worker(struct guard *guard, uint64_t word)
{
    int pidfd = pidfd_open(lease_pid(word), 0);
    if (pidfd < 0 && errno != ESRCH)
        try_later(guard, "watch the worker");
    if (pidfd < 0)
        return;
    guard_renew_fd(guard, HERITAGE_WORKER_PIDFD, pidfd);
    guard->worker = (struct process){lease_pid(word), pidfd, 0};
    if (guard->vault.head->ending_until_ms)
        kill(guard->worker.pid, SIGUSR1);
}

static void make_worker(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    uint64_t seen = head->table;
    if (lease_is_alive(seen) && lease_pid(seen) != getpid()) {
        adopt_worker(guard, seen);
        return;
    }
    uint64_t mine = lease_take(&head->table, seen);
    if (!mine)
        return; // a worker of an earlier guard was faster; look again
    reload_prepare_worker(&guard->reload);
    remains_keep_poll(guard);
    sweep_descriptors(&guard->vault);
    head->worker_ready = 0;
    int pidfd;
    pid_t pid = clone_sharing_table(&pidfd);
    if (pid == 0)
        role_become(ROLE_WORKER, mine);
    if (pid < 0) {
        try_later(guard, "make a worker");
        return;
    }
    head->workers_made++;
    guard_renew_fd(guard, HERITAGE_WORKER_PIDFD, pidfd);
    guard->worker = (struct process){pid, pidfd, 0};
    log_event(LOG_WORKER_MADE, "pid=%d", (int)pid);
}

static void end_spare(struct guard *guard)
{
    if (guard->spare.pid <= 0)
        return;
    kill(guard->spare.pid, SIGKILL);
    waitpid(guard->spare.pid, NULL, 0);
    guard->spare = (struct process){0};
}

// A new heritage is taken on by the spare first, then by the worker. In this order, so that
// somebody is there to make the worker whoever dies in between.
static void pass_heritage_on(struct guard *guard)
{
    if (guard->spare.pid && guard->spare.heritage != guard->heritage->id)
        end_spare(guard);
    if (guard->spare.pid == 0)
        guard_make_spare(guard);
    bool is_ending = guard->vault.head->ending_until_ms; // the present worker's end will do
    if (guard->spare.pid && guard->worker.pid > 0 && reload_is_due(&guard->reload) && !is_ending)
        reload_end_worker(&guard->reload, guard->worker.pid, clock_boot_ms());
}

static void finish(struct guard *guard, int status)
{
    if (guard->worker.pid > 0)
        kill(guard->worker.pid, SIGKILL);
    end_spare(guard);
    unlink(guard->heritage->conf.control); // the lock is still ours
    if (status == 0)
        store_empty(guard);
    log_event(LOG_STOP, "status=%d", status);
    exit(status);
}

// Did it end because it was to? `status`: as remains_look says; -1 after an earlier guard's death.
static bool has_left(const struct vault_head *head, pid_t worker, int status)
{
    bool is_quiet = status <= 0 || (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return head->reload.leaving == (uint32_t)worker && head->worker_signal == 0 && is_quiet;
}

static void worker_died(struct guard *guard)
{
    pid_t pid = guard->worker.pid;
    bool was_ready = guard->vault.head->worker_ready;
    int status = remains_look(guard, pid);
    guard->worker = (struct process){0};
    guard->was_ready |= was_ready;
    if (guard->vault.head->has_ended && status <= 0)
        return;
    if (has_left(guard->vault.head, pid, status)) {
        log_event(LOG_WORKER_RETIRED, "pid=%d", (int)pid);
        return;
    }
    char how[OBITUARY_HOW_BYTES];
    int crash = obituary_write(&guard->vault, pid, status, how);
    probation_count_death(guard, how);
    if (!guard->was_ready && ++guard->n_failed >= START_TRIES) {
        log_event(LOG_SYSTEM, "what=\"no worker gets ready\"");
        finish(guard, 1);
    }
    uint64_t now_ms = clock_boot_ms();
    bool is_bad = crash || (!was_ready && !reload_is_due(&guard->reload));
    guard->retry_ms = now_ms + brake_count(&guard->brake, is_bad, now_ms);
}

static void begin_end(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    uint64_t now_ms = clock_boot_ms();
    // The second order means now.
    if (head->ending_until_ms)
        head->ending_until_ms = now_ms;
    else
        head->ending_until_ms = now_ms + guard->heritage->conf.stop_timeout_ms + 1;
    upgrade_cancel(guard, "an orderly end has begun");
    log_event(LOG_STOP, "within_ms=%llu", (unsigned long long)(head->ending_until_ms - now_ms));
    if (guard->worker.pid > 0)
        kill(guard->worker.pid, SIGUSR1);
}

// What the manager keeps is for the next start. Not while players hear of an orderly end.
static void leave(struct guard *guard)
{
    if (guard->vault.head->ending_until_ms || clock_boot_ms() < guard->retry_ms)
        return;
    // First to see whether it can be done; what changes until the worker is dead is little.
    bool is_done = store_all(guard);
    if (is_done)
        guard_retire_worker(guard);
    if (!is_done || !store_all(guard)) {
        log_event(LOG_SYSTEM, "what=\"leave the connections to the service manager\"");
        guard->retry_ms = clock_boot_ms() + GUARD_RETRY_MS;
        return;
    }
    end_spare(guard);
    log_event(LOG_LEAVE, "status=%d", GUARD_LEFT);
    exit(GUARD_LEFT);
}

static void say_ready(struct guard *guard)
{
    int fd = vault_guard_fds(&guard->vault)[HERITAGE_READY];
    guard->was_ready = true;
    manager_say(-1, true, "READY=1");
    if (fd < 0)
        return;
    if (write(fd, "1", 1) != 1)
        log_event(LOG_SYSTEM, "what=\"say ready\" error=\"%s\"", strerror(errno));
    guard_renew_fd(guard, HERITAGE_READY, -1);
}

bool guard_is_dead(const struct process *process)
{
    return process->pid > 0 && lease_has_died(process->pidfd);
}

void guard_end_process(const struct process *process)
{
    struct pollfd poll_fd = {.fd = process->pidfd, .events = POLLIN};
    pidfd_send_signal(process->pidfd, SIGKILL, NULL, 0);
    poll(&poll_fd, 1, END_MS);
}

void guard_retire_worker(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    struct pollfd poll_fd = {.fd = guard->worker.pidfd, .events = POLLIN};
    if (guard->worker.pid > 0 && head->worker_ready) {
        head->reload.wanted_heritage = UINT32_MAX; // until the next one is made
        kill(guard->worker.pid, SIGUSR1);
        poll(&poll_fd, 1, RELOAD_PATIENCE_MS);
    }
    if (guard->worker.pid > 0) {
        guard_end_process(&guard->worker);
        remains_look(guard, guard->worker.pid);
    }
    guard->worker = (struct process){0};
}

// How long to sleep at most, ms; -1: until something happens.
static int sleep_ms(const struct guard *guard, uint64_t now_ms)
{
    const struct vault_head *head = guard->vault.head;
    if (upgrade_sleep_ms(guard) >= 0)
        return upgrade_sleep_ms(guard);
    if (upgrades && guard->was_ready)
        return READY_LOOK_MS; // a reload is still under way
    if (guard->worker.pid == 0 || guard->spare.pid == 0)
        return guard->retry_ms > now_ms ? (int)(guard->retry_ms - now_ms) : PLACE_LOOK_MS;
    if (!guard->was_ready || remains_exist(guard))
        return READY_LOOK_MS;
    if (head->ending_until_ms)
        return (int)(head->ending_until_ms + END_GRACE_MS > now_ms
                         ? head->ending_until_ms + END_GRACE_MS - now_ms
                         : 0);
    return -1;
}

static void sleep_until_news(struct guard *guard)
{
    int ms = sleep_ms(guard, clock_boot_ms());
    int reload_ms = reload_sleep_ms(&guard->reload, clock_boot_ms());
    if (ms < 0 || ms > reload_ms)
        ms = reload_ms;
    int store_ms = store_sleep_ms(clock_boot_ms());
    if (store_ms >= 0 && ms > store_ms)
        ms = store_ms;
    struct pollfd deaths[] = {
        {.fd = guard->worker.pid ? guard->worker.pidfd : -1, .events = POLLIN},
        {.fd = guard->spare.pid ? guard->spare.pidfd : -1, .events = POLLIN},
        {.fd = reload_fd(&guard->reload), .events = POLLIN},
        {.fd = store_fd(guard), .events = POLLIN},
    };
    struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
    sigset_t none;
    sigemptyset(&none);
    ppoll(deaths, sizeof deaths / sizeof *deaths, &timeout, &none);
}

static void step(struct guard *guard)
{
    struct vault_head *head = guard->vault.head;
    // Nobody takes a living guard's place; if it has happened, there is one guard too many.
    if (head->guard != guard->word)
        _exit(0);
    if (guard_is_dead(&guard->worker))
        worker_died(guard);
    if (head->has_ended)
        finish(guard, 0);
    bool may_clone = clock_boot_ms() >= guard->retry_ms;
    if (guard->worker.pid == 0 && may_clone)
        make_worker(guard);
    if (guard_is_dead(&guard->spare)) {
        waitpid(guard->spare.pid, NULL, WNOHANG);
        log_event(LOG_SPARE_DIED, "pid=%d", (int)guard->spare.pid);
        guard->spare = (struct process){0};
    }
    reload_step(&guard->reload, guard->was_ready && guard->worker.pid > 0, clock_boot_ms());
    probation_step(guard);
    if (may_clone && vault_is_proven(&guard->vault))
        pass_heritage_on(guard);
    if (!guard->was_ready && head->worker_ready)
        say_ready(guard);
    if (guard->worker.pid > 0 && head->worker_ready)
        remains_clear(guard);
    store_step(guard, clock_boot_ms());
    // Both may have come at once: a manager's SIGTERM follows the order to end.
    if (orders) {
        orders = 0;
        begin_end(guard);
    }
    if (leaves)
        leave(guard);
    // One that nobody has asked for ends by itself; one that somebody has is in the way.
    if (upgrades && guard->was_ready &&
        (!reload_is_under_way(&guard->reload) || reload_is_ordered(&guard->reload))) {
        upgrades = 0;
        upgrade_order(guard);
    }
    upgrade_step(guard);
    if (head->ending_until_ms && clock_boot_ms() >= head->ending_until_ms + END_GRACE_MS)
        finish(guard, 0);
}

static _Noreturn void loop(struct guard *guard)
{
    guard->brake = (struct brake){BRAKE_FULL, clock_boot_ms()};
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
    guard.was_ready = lease_pid(dead) && vault_guard_fds(&guard.vault)[HERITAGE_READY] < 0;
    guard_renew_fd(&guard, HERITAGE_TRYOUT, -1);
    guard_renew_fd(&guard, HERITAGE_PROGRAM, -1);
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
    guard.spare = (struct process){lease_pid(head->spare),
                                   vault_guard_fds(&guard.vault)[HERITAGE_SPARE_PIDFD], 0};
    remains_adopt(&guard);
    loop(&guard);
}
