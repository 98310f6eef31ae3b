// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The one place that clones (clone.h). Errors: -1 with errno.
#include "process/clone.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

pid_t clone_sharing_table(int *pidfd)
{
    *pidfd = -1;
    return (pid_t)syscall(SYS_clone, (unsigned long)(CLONE_FILES | CLONE_PIDFD) | SIGCHLD, NULL,
                          pidfd, NULL, NULL);
}
