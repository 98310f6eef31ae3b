// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The signals that the game knows (signals.h).
//
// Errors: false, no memory.
#include "signals.h"

#include "stop.h"

#include <assert.h>
#include <signal.h>

static const int known[] = {SIGTERM, SIGINT, SIGHUP, SIGUSR1};
static_assert(sizeof known / sizeof known[0] == MUSH_N_SIGNALS, "an event for each");

static void on_signal(evutil_socket_t number, short what, void *arg)
{
    (void)what;
    if (number == SIGUSR1)
        mush_reboot(arg, "the admin");
    else
        mush_stop(arg, "the admin");
}

void signals_hold(bool is_held)
{
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < MUSH_N_SIGNALS; i++)
        sigaddset(&set, known[i]);
    sigprocmask(is_held ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

bool signals_watch(struct mush *mush)
{
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < MUSH_N_SIGNALS; i++) {
        mush->signals[i] = evsignal_new(mush->base, known[i], on_signal, mush);
        if (!mush->signals[i] || event_add(mush->signals[i], NULL) != 0)
            return false;
    }
    signals_hold(false);
    return true;
}
