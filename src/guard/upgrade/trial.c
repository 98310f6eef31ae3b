// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The trial, as the guard sees it (trial.h).
#include "guard/upgrade/trial.h"

#include "base/clock.h"
#include "process/spawn.h"
#include "vault/likeness.h"
#include "vault/upgrading.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAID_BYTES 1024u

static const char *name_exec_error(void)
{
    return errno == ENOENT ? "it is a script, or what it needs to be run is not there"
                           : strerror(errno);
}

// In the child, whose table is its own: the program has its standard output, and the likeness, under
// the vault's number.
static _Noreturn void run(const struct trial_program *program, int out, const struct vault *vault,
                          pid_t guard)
{
    char *const argv[] = {(char *)program->path, "--trial", (char *)program->baton, "-c",
                          (char *)program->conf, NULL};
    // Nobody would wait for it if the guard died.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != guard)
        _exit(1);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    int likeness = vault_likeness(vault);
    if (likeness < 0) {
        dprintf(STDOUT_FILENO, "the vault cannot be shown to it: %s\n", strerror(errno));
        _exit(127);
    }
    const struct spawn_fd fds[] = {{STDIN_FILENO, STDIN_FILENO},
                                   {STDOUT_FILENO, STDOUT_FILENO},
                                   {STDERR_FILENO, STDERR_FILENO},
                                   {likeness, vault->fd}};
    spawn_exec(program->fd, argv, fds, sizeof fds / sizeof *fds);
    dprintf(STDOUT_FILENO, "it cannot be run: %s\n", name_exec_error());
    _exit(127);
}

bool trial_start(struct trial *trial, const struct trial_program *program,
                 const struct vault *vault, char why[VAULT_WHY_BYTES])
{
    pid_t guard = getpid();
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) {
        snprintf(why, VAULT_WHY_BYTES, "cannot make a pipe: %s", strerror(errno));
        return false;
    }
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    pid_t pid = fork();
    if (pid == 0)
        run(program, ends[1], vault, guard);
    close(ends[1]);
    if (pid < 0) {
        snprintf(why, VAULT_WHY_BYTES, "cannot fork: %s", strerror(errno));
        close(ends[0]);
        return false;
    }
    *trial = (struct trial){pid, ends[0], clock_boot_ms() + TRIAL_MS};
    return true;
}

static void hear(int fd, char said[SAID_BYTES])
{
    size_t n = 0;
    ssize_t got;
    while (n < SAID_BYTES - 1 && (got = read(fd, said + n, SAID_BYTES - 1 - n)) > 0)
        n += (size_t)got;
    said[n] = '\0';
}

// Only a program that says the word is one of ours.
static bool find_version(const char *said, char version[VAULT_VERSION_BYTES])
{
    const char *line = strstr(said, TRIAL_WORD);
    if (!line || (line != said && line[-1] != '\n'))
        return false;
    line += strlen(TRIAL_WORD);
    size_t n = strcspn(line, "\n");
    snprintf(version, VAULT_VERSION_BYTES, "%.*s", (int)n, line);
    return n > 0;
}

static void tell_why(char why[VAULT_WHY_BYTES], const char *said, int status)
{
    if (*said)
        upgrading_say(why, VAULT_WHY_BYTES, said);
    else if (WIFSIGNALED(status))
        snprintf(why, VAULT_WHY_BYTES, "on trial it died by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(why, VAULT_WHY_BYTES, "on trial it ended with status %d and said nothing",
                 WEXITSTATUS(status));
    for (size_t n = strlen(why); n > 0 && why[n - 1] == ' '; n--)
        why[n - 1] = '\0'; // a line's end
}

enum trial_status trial_look(struct trial *trial, char version[VAULT_VERSION_BYTES],
                             char why[VAULT_WHY_BYTES])
{
    char said[SAID_BYTES];
    int status = 0;
    pid_t pid = waitpid(trial->pid, &status, WNOHANG);
    if (pid == 0 && clock_boot_ms() < trial->deadline_ms)
        return TRIAL_RUNS;
    if (pid == 0) {
        trial_end(trial);
        snprintf(why, VAULT_WHY_BYTES, "on trial it gave no answer within %u ms", TRIAL_MS);
        return TRIAL_BAD;
    }
    trial->pid = 0;
    hear(trial->fd, said);
    if (pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 && find_version(said, version))
        return TRIAL_GOOD;
    tell_why(why, said, status);
    return TRIAL_BAD;
}

void trial_end(struct trial *trial)
{
    if (trial->pid == 0)
        return;
    kill(trial->pid, SIGKILL);
    waitpid(trial->pid, NULL, 0);
    trial->pid = 0;
}
