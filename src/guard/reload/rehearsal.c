// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Rehearsals (rehearsal.h): a clone with a copy of the descriptor table, of which it closes at once
// what it is not to have, and a page of shared memory to answer in. It dies with the guard
// (PR_SET_PDEATHSIG), whose successor begins anew.
#include "guard/reload/rehearsal.h"

#include "base/log.h"
#include "base/title.h"
#include "process/clone.h"
#include "process/heritage.h"
#include "process/lease.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct rehearsal_report {
    uint32_t is_good;
    char text[REHEARSAL_TEXT_BYTES];
};

#define KEPT_FD 3

// The table is its own from the beginning: in a shared one the guard could close `keep` meanwhile,
// as it does with a wallet when an entry has written the next one.
static bool close_others(int keep)
{
    return (keep < 0 || dup2(keep, KEPT_FD) == KEPT_FD) &&
           close_range(keep < 0 ? KEPT_FD : KEPT_FD + 1, ~0u, 0) == 0;
}

static _Noreturn void run(struct rehearsal_report *report, pid_t guard, rehearsal_fn *fn, void *arg,
                          int keep)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    if (getppid() != guard)
        _exit(1);
    if (!close_others(keep)) {
        snprintf(report->text, sizeof report->text,
                 "the files cannot be read in: close_range: %s\n", strerror(errno));
        _exit(0);
    }
    title_set("stayd: rehearse");
    log_open("stderr", LOG_LEVEL_ERROR); // the log's own descriptor is closed
    FILE *out = fmemopen(report->text, sizeof report->text - 1, "w");
    if (!out)
        _exit(1);
    bool is_good = fn(arg, keep < 0 ? -1 : KEPT_FD, out);
    fclose(out);
    report->is_good = is_good;
    _exit(0);
}

bool rehearsal_start(struct rehearsal *rehearsal, struct vault *vault, rehearsal_fn *fn, void *arg,
                     int keep, uint64_t now_ms)
{
    pid_t guard = getpid();
    struct rehearsal_report *report =
        mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (report == MAP_FAILED)
        return false;
    int pidfd;
    pid_t pid = clone_with_copy(&pidfd);
    if (pid == 0)
        run(report, guard, fn, arg, keep);
    if (pid < 0) {
        int error = errno;
        munmap(report, sizeof *report);
        errno = error;
        return false;
    }
    int old = vault_guard_fds(vault)[HERITAGE_REHEARSAL_PIDFD]; // a dead guard's
    heritage_claim(vault, HERITAGE_REHEARSAL_PIDFD, pidfd);
    if (old >= 0)
        close(old);
    *rehearsal = (struct rehearsal){pid, pidfd, now_ms + REHEARSAL_MS, report};
    return true;
}

static void forget(struct rehearsal *rehearsal, struct vault *vault)
{
    munmap(rehearsal->report, sizeof *rehearsal->report);
    heritage_claim(vault, HERITAGE_REHEARSAL_PIDFD, -1);
    close(rehearsal->pidfd);
    *rehearsal = (struct rehearsal){0};
}

enum rehearsal_outcome rehearsal_look(struct rehearsal *rehearsal, struct vault *vault, char *text,
                                      uint64_t now_ms)
{
    bool is_dead = lease_has_died(rehearsal->pidfd);
    int status = 0;
    if (!is_dead && now_ms < rehearsal->until_ms)
        return REHEARSAL_RUNS;
    if (!is_dead)
        kill(rehearsal->pid, SIGKILL);
    // One that a file system holds does not even die; then a zombie is left.
    waitpid(rehearsal->pid, &status, is_dead ? 0 : WNOHANG);
    bool is_good = is_dead && status == 0 && rehearsal->report->is_good;
    memcpy(text, rehearsal->report->text, REHEARSAL_TEXT_BYTES);
    text[REHEARSAL_TEXT_BYTES - 1] = '\0';
    if (!is_dead)
        snprintf(text, REHEARSAL_TEXT_BYTES,
                 "reading takes longer than %u s; see what makes files or "
                 "users hard to reach\n",
                 REHEARSAL_MS / 1000);
    else if (status != 0)
        snprintf(text, REHEARSAL_TEXT_BYTES,
                 "reading crashed (wait status %#x); please report that, "
                 "with the files\n",
                 (unsigned)status);
    forget(rehearsal, vault);
    return is_good ? REHEARSAL_GOOD : REHEARSAL_BAD;
}
