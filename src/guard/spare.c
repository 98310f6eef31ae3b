// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The spare's sleep (guard.h).
#include "base/title.h"
#include "guard/guard.h"
#include "guard/upgrade/probation.h"
#include "process/lease.h"
#include "process/role.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#define TELL_LOOK_MS 20 // where the kernel does not tell of the guard's death

static void wake(int signal_number)
{
    (void)signal_number;
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
        if (!is_told && (ms < 0 || ms > TELL_LOOK_MS))
            ms = TELL_LOOK_MS;
        struct timespec timeout = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};
        if (ppoll(NULL, 0, ms < 0 ? NULL : &timeout, &asleep) == 0)
            probation_end_late(vault, parent);
    }
    if (getppid() == parent || !vault_is_proven(vault))
        _exit(0);
    prctl(PR_SET_PDEATHSIG, 0);
    role_become(ROLE_GUARD, guard_word);
}
