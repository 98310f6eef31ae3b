// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See stage.h.
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "family.h"
#include "probe.h"
#include "verdict.h"

#define STAGE_ACCEPT_US 60000000u
#define STAGE_GAME_US 60000000u
#define STAGE_DEAD_US 200000u // mean time between the game's death and its next start

static bool fail(const char *what)
{
    verdict_give(VERDICT_SETUP, "%s: %s", what, strerror(errno));
    return false;
}

static bool make_ledger(struct stage *stage)
{
    stage->ledger_fd = memfd_create("storm ledger", MFD_CLOEXEC);
    if (stage->ledger_fd < 0 || ftruncate(stage->ledger_fd, sizeof(struct ledger)) != 0)
        return fail("memfd");
    struct ledger *ledger =
        mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_SHARED, stage->ledger_fd, 0);
    if (ledger == MAP_FAILED)
        return fail("mmap");
    ledger->seed = stage->options->seed;
    ledger->pause_ms = stage->options->talk_pause_ms;
    ledger->resumes = stage->options->n_deeds[OPTIONS_GAME_KILL] > 0;
    ledger->is_telnet = stage->options->is_telnet;
    memcpy(ledger->directory, stage->site->folder, sizeof ledger->directory);
    stage->ledger = ledger;
    return true;
}

bool stage_make(struct stage *stage, const struct options *options, struct site *site)
{
    *stage = (struct stage){.options = options, .site = site, .guard_status = -1};
    stage->dice.state = dice_mix(options->seed ^ 0x7374616765);
    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0 || !family_can_be_read())
        return fail("this kernel has no subreaper or no list of children");
    return make_ledger(stage);
}

// In the child: stderr into a file of the folder.
static void redirect(const struct stage *stage, const char *name)
{
    char path[SITE_PATH_BYTES];
    int fd = open(site_path(stage->site, path, name), O_WRONLY | O_CREAT | O_APPEND, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    close(fd);
}

// In the child. SIGHUP is blocked until the game waits for it.
static _Noreturn void become_game(const struct stage *stage, const char *path)
{
    char ledger_text[16];
    sigset_t hup;
    snprintf(ledger_text, sizeof ledger_text, "%d", stage->ledger_fd);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    sigemptyset(&hup);
    sigaddset(&hup, SIGHUP);
    sigprocmask(SIG_BLOCK, &hup, NULL);
    fcntl(stage->ledger_fd, F_SETFD, 0);
    redirect(stage, "game.err");
    execl(path, "storm_game", ledger_text, (char *)NULL);
    _exit(127);
}

bool stage_start_game(struct stage *stage)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - sizeof "_game");
    if (n <= 0)
        return fail("readlink");
    strcpy(path + n, "_game"); // storm_game stands beside storm
    atomic_store(&stage->ledger->is_rebooting, 1);
    stage->game_since_us = now_us();
    stage->game = site_fork();
    if (stage->game < 0)
        return fail("fork");
    if (stage->game == 0)
        become_game(stage, path);
    return true;
}

// With upgrades it runs from the path at which they are put.
static const char *find_program(const struct stage *stage, char path[SITE_PATH_BYTES])
{
    const unsigned *n = stage->options->n_deeds;
    if (n[OPTIONS_UPGRADE] + n[OPTIONS_BROKEN] == 0)
        return stage->options->stayd;
    return site_put(stage->site, &site_good[0]) ? site_path(stage->site, path, "stayd") : NULL;
}

bool stage_start_stayd(struct stage *stage)
{
    char conf[SITE_PATH_BYTES];
    char path[SITE_PATH_BYTES];
    const char *program = find_program(stage, path);
    site_path(stage->site, conf, "stayd.conf");
    fflush(stdout);
    pid_t pid = program != NULL ? site_fork() : -1;
    if (pid < 0)
        return fail("fork");
    if (pid == 0) {
        redirect(stage, "stayd.err");
        execl(program, "stayd", "-c", conf, (char *)NULL);
        _exit(127);
    }
    const uint64_t until = now_us() + STAGE_ACCEPT_US;
    while (!probe_listens(PORTS_ADDRESS, stage->site->ports.plain)) {
        struct timespec moment = {.tv_nsec = 20000000};
        nanosleep(&moment, NULL);
        errno = ETIMEDOUT;
        if (now_us() > until || waitpid(pid, NULL, WNOHANG) == pid)
            return fail("stayd does not accept players");
    }
    return true;
}

static void judge_game(struct stage *stage, int status)
{
    stage->game = 0;
    if (stage->game_start_us == 0)
        verdict_give(VERDICT_SETUP, "the game has ended, wait status 0x%x", (unsigned)status);
}

static void judge(struct stage *stage, pid_t pid, int status)
{
    if (pid == stage->game) {
        judge_game(stage, status);
        return;
    }
    if (pid == stage->last_guard) {
        stage->guard_status = status;
        return;
    }
    // Exit code 0: it stepped aside because another had taken its place meanwhile.
    const bool was_killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    const bool stepped_aside = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    const bool was_on_trial =
        WIFEXITED(status) && WEXITSTATUS(status) == 1 && atomic_load(&stage->is_ordered);
    if (!was_killed && !stepped_aside && !was_on_trial && !atomic_load(&stage->is_failing))
        verdict_give(VERDICT_HANG, "process %d of stayd has ended by itself, wait status 0x%x",
                     (int)pid, (unsigned)status);
}

static void reap(struct stage *stage)
{
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        judge(stage, pid, status);
    atomic_fetch_add(&stage->n_reapings, 1);
    if (atomic_load(&stage->ledger->damaged))
        verdict_give(VERDICT_DAMAGE, "%s", stage->ledger->damage_text);
}

bool stage_has_game(const struct stage *stage)
{
    return atomic_load(&stage->wish) == STAGE_NOTHING && !atomic_load(&stage->ledger->is_rebooting);
}

static void kill_game(struct stage *stage, uint64_t now)
{
    atomic_fetch_add(&stage->ledger->deaths, 1);
    atomic_store(&stage->ledger->is_rebooting, 1);
    stage->game_since_us = now;
    stage->game_start_us = now + 1 + dice_wait(&stage->dice, STAGE_DEAD_US);
    kill(stage->game, SIGKILL);
}

static void reboot_game(struct stage *stage, uint64_t now)
{
    atomic_store(&stage->ledger->is_rebooting, 1);
    stage->game_since_us = now;
    kill(stage->game, SIGHUP);
}

void stage_turn(struct stage *stage, uint64_t now)
{
    reap(stage);
    if (atomic_load(&stage->ledger->is_rebooting) && now > stage->game_since_us + STAGE_GAME_US)
        verdict_give(VERDICT_SETUP, "the game does not come back");
    if (stage->game == 0 && stage->game_start_us != 0 && now >= stage->game_start_us) {
        stage->game_start_us = 0;
        stage_start_game(stage);
    }
    const int wish = atomic_load(&stage->wish);
    if (wish == STAGE_NOTHING || stage->game == 0 || stage->game_start_us != 0)
        return; // it is dying, or dead: later
    if (wish == STAGE_KILL_GAME)
        kill_game(stage, now);
    else
        reboot_game(stage, now);
    atomic_store(&stage->wish, STAGE_NOTHING);
}

void stage_end_stayd(struct stage *stage)
{
    struct family family;
    family_read(&family);
    stage->last_guard = family_find(&family, FAMILY_GUARD);
    if (stage->last_guard == 0)
        verdict_give(VERDICT_HANG, "there is no guard to be ended");
    else
        kill(stage->last_guard, SIGTERM);
}

bool stage_is_empty(const struct stage *stage)
{
    struct family family;
    family_read(&family);
    return family.n == 0 && stage->guard_status != -1;
}

void stage_clear(struct stage *stage)
{
    struct family family;
    for (int i = 0; i < 1000; i++) { // they raise each other: again until nobody is left
        family_read(&family);
        for (unsigned j = 0; j < family.n; j++)
            kill(family.pid[j], SIGKILL);
        if (family.n == 0)
            break;
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
    }
    if (stage->game > 0)
        kill(stage->game, SIGKILL);
}
