// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What a dead worker leaves (remains.h). Errors: none.
//
// There is room for one worker's. Those who die before it is cleared away have hardly served, and
// what they leave goes at once.
#include "guard/remains.h"

#include <sys/wait.h>

// Who of these children has died and is to be reaped later: its id, or 0.
static pid_t look(idtype_t which, id_t id, siginfo_t *info)
{
    info->si_pid = 0;
    return waitid(which, id, info, WEXITED | WNOHANG | WNOWAIT) == 0 ? info->si_pid : 0;
}

int remains_look(struct guard *guard, pid_t worker)
{
    siginfo_t info;
    if (look(P_PID, (id_t)worker, &info) == 0)
        return -1;
    if (guard->dead)
        waitpid(worker, NULL, WNOHANG);
    else
        guard->dead = worker;
    return info.si_code == CLD_EXITED ? W_EXITCODE(info.si_status, 0)
                                      : W_EXITCODE(0, info.si_status);
}

static bool is_entry(const struct guard *guard, pid_t pid)
{
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        if (vault_entries(&guard->vault)->place[i].pid == (uint32_t)pid)
            return true;
    return false;
}

void remains_inherit(struct guard *guard)
{
    siginfo_t info;
    pid_t dead;
    // An entry that is dead is seen to be so without its status.
    while ((dead = look(P_ALL, 0, &info)) > 0 && is_entry(guard, dead))
        waitpid(dead, NULL, WNOHANG);
    guard->dead = dead == guard->spare.pid ? 0 : dead;
}

void remains_claim_poll(struct guard *guard)
{
    const _Atomic int32_t *fds = vault_guard_fds(&guard->vault);
    if (fds[HERITAGE_OLD_POLL] < 0)
        heritage_claim(&guard->vault, HERITAGE_OLD_POLL, fds[HERITAGE_POLL]);
    heritage_claim(&guard->vault, HERITAGE_POLL, -1);
}

bool remains_exist(const struct guard *guard)
{
    return guard->dead || vault_guard_fds(&guard->vault)[HERITAGE_OLD_POLL] >= 0;
}

void remains_clear(struct guard *guard)
{
    if (guard->dead)
        waitpid(guard->dead, NULL, WNOHANG);
    guard->dead = 0;
    heritage_renew(&guard->vault, HERITAGE_OLD_POLL, -1);
}
