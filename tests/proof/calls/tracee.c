// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// ptrace(2) on x86-64 (tracee.h). Errors: a process that has died is not there any more for a call, which is no error.
#include "tracee.h"

#include <asm/unistd.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST 64
#define MOST_STEPS 3000000u
#define AT(name) ((void *)offsetof(struct user_regs_struct, name))

static struct tracee all[MOST];

bool call_is(const struct call *a, const struct call *b)
{
    return a->number == b->number && strcmp(a->role, b->role) == 0 &&
           a->is_on_socket == b->is_on_socket && memcmp(&a->place, &b->place, sizeof a->place) == 0;
}

bool tracee_seize(pid_t pid)
{
    const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK |
                         PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
    cpu_set_t here;
    sched_getaffinity(0, sizeof here, &here);
    return sched_setaffinity(pid, sizeof here, &here) == 0 &&
           ptrace(PTRACE_SEIZE, pid, NULL, options) == 0 &&
           ptrace(PTRACE_INTERRUPT, pid, NULL, NULL) == 0;
}

struct tracee *tracee_find(pid_t pid)
{
    for (unsigned i = 0; i < MOST; i++)
        if (all[i].pid == pid)
            return &all[i];
    return NULL;
}

struct tracee *tracee_add(pid_t pid)
{
    struct tracee *tracee = tracee_find(0);
    if (!tracee)
        return NULL;
    *tracee = (struct tracee){.pid = pid, .watch = tracee->watch};
    return tracee;
}

void tracee_drop(struct tracee *tracee)
{
    tracee->pid = 0;
}

struct tracee *tracee_at(unsigned i)
{
    for (unsigned at = 0; at < MOST; at++)
        if (all[at].pid && i-- == 0)
            return &all[at];
    return NULL;
}

void tracee_name(struct tracee *tracee, const char *name)
{
    size_t n = strcspn(name, "\n");
    n = n < ROLE_BYTES - 1 ? n : ROLE_BYTES - 1;
    memset(tracee->last.role, 0, ROLE_BYTES);
    for (size_t i = 0; i < n; i++)
        tracee->last.role[i] = name[i] == ' ' ? '_' : name[i];
}

void tracee_resume(const struct tracee *tracee, int signal_number)
{
    ptrace(PTRACE_SYSCALL, tracee->pid, NULL, (long)signal_number);
}

void tracee_kill(const struct tracee *tracee)
{
    kill(tracee->pid, SIGKILL);
}

bool tracee_is_socket(const struct tracee *tracee, int fd)
{
    static const char name[] = "socket:";
    char path[64];
    char target[sizeof name - 1];
    snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)tracee->pid, fd);
    return readlink(path, target, sizeof target) == sizeof target &&
           memcmp(target, name, sizeof target) == 0;
}

static void cut_stream(pid_t pid, int fd)
{
    int type = 0;
    socklen_t n = sizeof type;
    int pidfd = pidfd_open(pid, 0);
    int copy = pidfd < 0 ? -1 : pidfd_getfd(pidfd, fd, 0);
    if (copy >= 0 && getsockopt(copy, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_STREAM)
        shutdown(copy, SHUT_RDWR);
    if (copy >= 0)
        close(copy);
    if (pidfd >= 0)
        close(pidfd);
}

void tracee_cut(const struct tracee *tracee, uint64_t argument)
{
    const uint64_t number = tracee->last.number;
    if (number != __NR_getpgid && number != __NR_pidfd_open && number != __NR_kill)
        cut_stream(tracee->pid, (int)argument);
    else if (argument && tracee_find((pid_t)argument))
        kill((pid_t)argument, SIGKILL);
}

void tracee_skip_call(const struct tracee *tracee)
{
    ptrace(PTRACE_POKEUSER, tracee->pid, AT(orig_rax), (long)__NR_getpid);
}

void tracee_set_error(const struct tracee *tracee, int error)
{
    ptrace(PTRACE_POKEUSER, tracee->pid, AT(rax), -(long)error);
}

static bool is_at_call(pid_t pid)
{
    uint8_t code[2] = {0};
    errno = 0;
    long at = ptrace(PTRACE_PEEKUSER, pid, AT(rip), NULL);
    struct iovec to = {code, sizeof code};
    struct iovec from = {(void *)at, sizeof code}; // NOLINT
    return errno || process_vm_readv(pid, &to, 1, &from, 1, 0) != sizeof code ||
           (code[0] == 0x0f && code[1] == 0x05);
}

unsigned tracee_step(struct tracee *tracee, unsigned n_changes)
{
    unsigned n = 0;
    int signal_number = 0;
    watch_note(tracee->watch);
    for (unsigned i = 0; i < MOST_STEPS && n < n_changes && !is_at_call(tracee->pid); i++) {
        int status;
        ptrace(PTRACE_SINGLESTEP, tracee->pid, NULL, (long)signal_number);
        if (waitpid(tracee->pid, &status, __WALL) != tracee->pid || !WIFSTOPPED(status)) {
            tracee_drop(tracee);
            return n;
        }
        signal_number = WSTOPSIG(status) == SIGTRAP ? 0 : WSTOPSIG(status);
        n += watch_look(tracee->watch);
    }
    return n;
}
