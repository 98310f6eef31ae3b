// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The one place that clones (clone.h). Errors: -1 with errno.
#include "process/clone.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

static pid_t clone_with(unsigned long flags, int *pidfd)
{
    *pidfd = -1;
    return (pid_t)syscall(SYS_clone, flags | CLONE_PIDFD | SIGCHLD, NULL, pidfd, NULL, NULL);
}

pid_t clone_sharing_table(int *pidfd)
{
    return clone_with(CLONE_FILES, pidfd);
}

pid_t clone_with_copy(int *pidfd)
{
    return clone_with(0, pidfd);
}
