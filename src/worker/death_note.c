// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The handler (death_note.h): one store, then the signal's default way.
// Errors: none.
#include "worker/death_note.h"

#include <signal.h>
#include <stddef.h>

static struct vault_head *noted_in;
static uint8_t stack[16384]; // a stack overflow is a crash too

static void write_note(int signal_number)
{
    noted_in->worker_signal = (uint32_t)signal_number;
    // SA_RESETHAND: the fault comes again, or is sent again, and ends the process.
    raise(signal_number);
}

void death_note_prepare(struct vault_head *head)
{
    static const int signals[] = {
        SIGABRT, SIGILL, SIGFPE, SIGTRAP,
#ifndef __SANITIZE_ADDRESS__ // its own handler reports, then aborts
        SIGSEGV,
#endif
    };
    noted_in = head;
    head->worker_signal = 0;
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternative, NULL);
    struct sigaction action = {
        .sa_handler = write_note,
        .sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK),
    };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}
