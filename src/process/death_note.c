// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The handler (death_note.h): the note, then the signal's default way.
// Errors: none. A stack that cannot be walked costs a second, and is left out.
#include "process/death_note.h"

#include "base/sanitizer.h"

#include <execinfo.h>
#include <signal.h>
#include <stddef.h>
#include <unistd.h>

#define PATIENCE_S 1u
#define MAX_CALLS 24 // the handler's own and libraries' are left out

static struct death_note *noted_in;
static uint8_t stack[32768]; // a stack overflow is a crash too

// The linker's: where the program begins and where its code ends.
extern const char __executable_start[];
extern const char etext[];

static void note_calls(struct death_note *note)
{
    void *calls[MAX_CALLS];
    uint32_t n = 0;
    int n_calls = backtrace(calls, MAX_CALLS);
    for (int i = 0; i < n_calls && n < VAULT_FRAMES; i++) {
        uintptr_t at = (uintptr_t)calls[i];
        if (at >= (uintptr_t)__executable_start && at < (uintptr_t)etext)
            note->frame[n++] = at - (uintptr_t)__executable_start;
    }
    note->n_frames = n;
}

static void write_note(int signal_number)
{
    noted_in->signal = (uint32_t)signal_number;
    // If the stack is so broken that walking it never ends, SIGALRM does.
    alarm(PATIENCE_S);
    note_calls(noted_in);
    // SA_RESETHAND: the fault comes again, or is sent again, and ends the process.
    raise(signal_number);
}

void death_note_load(void)
{
    void *call;
    (void)backtrace(&call, 1);
}

void death_note_prepare(struct death_note *note)
{
    static const int signals[] = {
        SIGABRT, SIGILL, SIGFPE, SIGTRAP,
#ifndef UNDER_ADDRESS_SANITIZER // its own handler reports, then aborts
        SIGSEGV,
#endif
    };
    noted_in = note;
    note->signal = 0;
    note->n_frames = 0;
    stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternative, NULL);
    struct sigaction action = {
        .sa_handler = write_note,
        .sa_flags = (int)(SA_RESETHAND | SA_NODEFER | SA_ONSTACK),
    };
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        sigaction(signals[i], &action, NULL);
}
