// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Signals and debuggers (harden.h).
#include "base/harden.h"

#include "base/sanitizer.h"

#include <signal.h>
#include <stddef.h>
#include <sys/prctl.h>

// By default each of these ends a process, and who sends one to a process group ends all of them.
// (SIGXFSZ, of a log that has reached RLIMIT_FSIZE, is ignored already: that line is lost.)
static void ignore_strays(void)
{
    static const int strays[] = {SIGALRM, SIGVTALRM, SIGPROF, SIGIO, SIGPWR, SIGSTKFLT};
    for (size_t i = 0; i < sizeof strays / sizeof *strays; i++)
        signal(strays[i], SIG_IGN);
    for (int number = SIGRTMIN; number < SIGRTMAX; number++) // the last one is valgrind's
        signal(number, SIG_IGN);
}

void harden(void)
{
    ignore_strays();
#ifndef UNDER_ADDRESS_SANITIZER         // LeakSanitizer needs ptrace
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); // the processes hold keys
#endif
}
