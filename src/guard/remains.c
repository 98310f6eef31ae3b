// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a dead worker leaves (remains.h). Errors: none.
#include "guard/remains.h"

#include "guard/guard.h"

#include <sys/epoll.h>
#include <sys/wait.h>

void remains_note_poll(struct vault *vault, int fd)
{
    struct epoll_event event;
    if (epoll_wait(fd, &event, 1, 0) >= 0) // of anything else it is EINVAL
        guard_keep_fd(vault, HERITAGE_POLL, fd);
}

static void reap(struct guard *guard)
{
    if (guard->dead)
        waitpid(guard->dead, NULL, WNOHANG);
    guard->dead = 0;
}

// Who of these children has died and is to be reaped later: its id, or 0.
static pid_t look(idtype_t which, id_t id, siginfo_t *info)
{
    info->si_pid = 0;
    return waitid(which, id, info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info->si_pid : 0;
}

int remains_look(struct guard *guard, pid_t worker)
{
    siginfo_t info;
    reap(guard);
    if (look(P_PID, (id_t)worker, &info) == 0)
        return -1;
    guard->dead = worker;
    return info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
                                      : W_EXITCODE(0, info.si_status);
}

void remains_adopt(struct guard *guard)
{
    siginfo_t info;
    pid_t dead = look(P_ALL, 0, &info);
    guard->dead = dead == guard->spare.pid ? 0 : dead;
}

void remains_keep_poll(struct guard *guard)
{
    guard_renew_fd(guard, HERITAGE_OLD_POLL, vault_guard_fds(&guard->vault)[HERITAGE_POLL]);
    guard_keep_fd(&guard->vault, HERITAGE_POLL, -1);
}

bool remains_exist(const struct guard *guard)
{
    return guard->dead || vault_guard_fds(&guard->vault)[HERITAGE_OLD_POLL] >= 0;
}

void remains_clear(struct guard *guard)
{
    reap(guard);
    guard_renew_fd(guard, HERITAGE_OLD_POLL, -1);
}
