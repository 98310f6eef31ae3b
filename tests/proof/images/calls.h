// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Calls that the kernel forgets with their caller: they look, or change what is the process' own.
// All others leave something behind (bytes moved, a descriptor opened or closed, memory given or
// taken), or may do so. Of fcntl(2) only F_SETFL does (film.c).
#ifndef STAYD_PROOF_CALLS_H
#define STAYD_PROOF_CALLS_H

#include <sys/syscall.h>

static const int forgotten_calls[] = {
    SYS_mmap,        SYS_munmap,       SYS_mprotect,        SYS_brk,
    SYS_madvise,     SYS_rt_sigaction, SYS_rt_sigreturn,    SYS_rt_sigprocmask,
    SYS_getpid,      SYS_gettid,       SYS_clock_gettime,   SYS_getrandom,
    SYS_futex,       SYS_epoll_ctl,    SYS_epoll_wait,      SYS_epoll_pwait,
    SYS_poll,        SYS_ppoll,        SYS_fstat,           SYS_newfstatat,
    SYS_getsockname, SYS_getpeername,  SYS_getsockopt,      SYS_ioctl,
    SYS_kill,        SYS_exit,         SYS_exit_group,      SYS_mlock,
    SYS_mlock2,      SYS_prctl,        SYS_seccomp,         SYS_ptrace,
    SYS_uname,       SYS_getuid,       SYS_geteuid,         SYS_getppid,
    SYS_sysinfo,     SYS_tgkill,       SYS_timerfd_settime,
};

#endif
