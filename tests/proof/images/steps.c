// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A film taken by single steps of ptrace(2), one instruction at a time (film.h): slow, and nothing
// is presumed about which instructions store. Both processes stay on one processor: from one to
// another a step takes four times as long.
// Errors: the process ends with a word on standard error.
#include "film_part.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define SYSCALL_INSTRUCTION 0x050fu // Intel 64 and IA-32 Architectures SDM, volume 2, SYSCALL

static void stay_on_one_processor(void)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET((unsigned)sched_getcpu(), &one);
    if (sched_setaffinity(0, sizeof one, &one) < 0)
        film_fail("sched_setaffinity");
}

void film_await_steps(void)
{
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        film_fail("ptrace");
    kill(getpid(), SIGSTOP);
}

// Is the next instruction a system call that the kernel remembers?
static bool is_before_call(pid_t worker)
{
    struct user_regs_struct registers;
    if (ptrace(PTRACE_GETREGS, worker, NULL, &registers) < 0)
        film_fail("ptrace");
    errno = 0;
    long bytes = ptrace(PTRACE_PEEKTEXT, worker, registers.rip, NULL);
    if (bytes == -1 && errno != 0)
        return false; // within the vsyscall page, or so: no system call instruction
    return (bytes & 0xffff) == SYSCALL_INSTRUCTION &&
           film_is_remembered((long)registers.rax, registers.rsi);
}

int film_step(struct film *film, pid_t worker)
{
    int status;
    uint32_t n_calls = 0;
    stay_on_one_processor();
    if (wait4(worker, &status, 0, NULL) != worker || !WIFSTOPPED(status))
        film_fail("a worker that is to be stepped");
    cpu_set_t own;
    sched_getaffinity(0, sizeof own, &own);
    sched_setaffinity(worker, sizeof own, &own);
    film_begin(film);
    for (;;) {
        const bool is_call = is_before_call(worker);
        if (ptrace(PTRACE_SINGLESTEP, worker, NULL, NULL) < 0 ||
            wait4(worker, &status, 0, NULL) != worker)
            film_fail("ptrace");
        if (!WIFSTOPPED(status))
            return status;
        if (is_call)
            film_see_call(film, ++n_calls);
        else
            film_see_store(film, n_calls);
    }
}
