// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Descriptors to their places, then exec (spawn.h). Errors: as there.
#include "process/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

// Out of the way of all places.
static int move_up(int fd, int above)
{
    return fcntl(fd, F_DUPFD_CLOEXEC, above);
}

static int compare(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

// The table is a copy of one that may be as full as it can be: what is not handed on goes first.
static bool close_others(int program, const struct spawn_fd fds[], unsigned n_fds)
{
    int kept[SPAWN_MAX_FDS + 1];
    unsigned n = 0;
    int next = STDERR_FILENO + 1;
    kept[n++] = program;
    for (unsigned i = 0; i < n_fds; i++)
        kept[n++] = fds[i].from;
    qsort(kept, n, sizeof *kept, compare);
    for (unsigned i = 0; i < n; i++) {
        if (kept[i] > next && close_range((unsigned)next, (unsigned)kept[i] - 1, 0) < 0)
            return false;
        if (kept[i] >= next)
            next = kept[i] + 1;
    }
    return close_range((unsigned)next, ~0u, 0) == 0;
}

int spawn_exec(int program, char *const argv[], const struct spawn_fd fds[], unsigned n_fds)
{
    int moved[SPAWN_MAX_FDS];
    sigset_t none;
    const int last = n_fds ? fds[n_fds - 1].to : -1;
    if (n_fds > SPAWN_MAX_FDS) {
        errno = EINVAL;
        return -1;
    }
    if (!close_others(program, fds, n_fds))
        return -1;
    int file = move_up(program, last + 1);
    for (unsigned i = 0; i < n_fds; i++)
        if (fds[i].from >= 0 && (moved[i] = move_up(fds[i].from, last + 1)) < 0)
            return -1;
    if (file < 0)
        return -1;
    int next = 0; // all below is as it has to be
    for (unsigned i = 0; i < n_fds; i++) {
        if (fds[i].to > next)
            close_range((unsigned)next, (unsigned)fds[i].to - 1, 0);
        if (fds[i].from < 0)
            close(fds[i].to);
        else if (dup2(moved[i], fds[i].to) < 0)
            return -1;
        next = fds[i].to + 1;
    }
    // The program's file is the lowest of those that were moved, and closed by the exec.
    if (file != next && dup3(file, next, O_CLOEXEC) < 0)
        return -1;
    close_range((unsigned)next + 1, ~0u, 0);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    return fexecve(next, argv, environ);
}
