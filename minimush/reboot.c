// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Rebooting (reboot.h). Before anything is given up the program is tried: can it be run, and does
// it understand the configuration? An exec that succeeds cannot be taken back.
//
// Errors: told to everybody; the game goes on.
#include "reboot.h"

#include "keep.h"
#include "output.h"
#include "signals.h"
#include "state.h"
#include "turn.h"

#include <errno.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8u // a system may give no other (vm.memfd_noexec)
#endif

#define TRIAL_MS 3000

// The numbers stand in what an older or newer minimush reads.
enum tag { TAG_STARTED_AT = 1, TAG_REBOOTS = 2, TAG_BY = 3 };

// Wait for the trial's end, not for ever. False: it did not end well.
static bool await_trial(pid_t pid)
{
    int status = -1;
    int pidfd = pidfd_open(pid, 0);
    struct pollfd wait = {.fd = pidfd, .events = POLLIN};
    if (pidfd < 0 || poll(&wait, 1, TRIAL_MS) != 1)
        kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pidfd >= 0)
        close(pidfd);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// What the program says about the configuration, when it refuses, goes to words.
static bool try_program(struct mush *mush, char *words, size_t words_size)
{
    char *argv[] = {"minimush", "--check", "-c", mush->settings->path, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int said = memfd_create("trial", MFD_CLOEXEC | MFD_NOEXEC_SEAL);
    if (said < 0 && errno == EINVAL) // before Linux 6.3
        said = memfd_create("trial", MFD_CLOEXEC);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, said, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, said, STDERR_FILENO);
    int reason = said < 0 ? errno : posix_spawn(&pid, mush->program, &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    bool is_well = reason == 0 && await_trial(pid);
    ssize_t n = said >= 0 ? pread(said, words, words_size - 1, 0) : 0;
    words[n > 0 ? n : 0] = '\0';
    if (reason != 0 || (!is_well && n <= 0))
        snprintf(words, words_size, "%s: %s", mush->program,
                 reason != 0 ? strerror(reason) : "does not run");
    if (said >= 0)
        close(said);
    return is_well;
}

static bool keep_everybody(struct mush *mush)
{
    struct state state = {0};
    state_put_number(&state, TAG_STARTED_AT, mush->started_at);
    state_put_number(&state, TAG_REBOOTS, mush->n_reboots);
    state_put(&state, TAG_BY, mush->reboot_by, strlen(mush->reboot_by));
    bool is_kept = stay_keep(mush->stay, NULL, state.bytes, state.n) == 0;
    state_free(&state);
    for (struct link *link = mush->first; link; link = link->next)
        if (link->phase != LINK_GONE && link->stream) // the ledger keeps the awaited
            is_kept = link_keep(link) && is_kept;
    return is_kept;
}

void reboot_now(struct mush *mush)
{
    char words[1024];
    char *argv[] = {"minimush", "-c", mush->settings->path, NULL};
    if (!try_program(mush, words, sizeof words)) {
        words[strcspn(words, "\r\n")] = '\0';
        fprintf(stderr, "minimush: no reboot: %s\n", words);
        mush_tell_all(mush, "GAME: No reboot: %s", words);
        return;
    }
    mush_tell_all(mush, "GAME: %s reboots the game. You stay connected.", mush->reboot_by);
    turn_commit(mush);
    if (!keep_everybody(mush))
        fprintf(stderr, "minimush: not everybody could be kept; the reboot goes on\n");
    signals_hold(true);
    stay_exec(mush->stay, mush->program, argv);
    snprintf(words, sizeof words, "%s", strerror(errno));
    signals_hold(false);
    fprintf(stderr, "minimush: no reboot: %s: %s\n", mush->program, words);
    mush_tell_all(mush, "GAME: No reboot: %s", words);
}

void reboot_take_state(struct mush *mush)
{
    size_t n;
    const void *bytes = stay_game_state(mush->stay, &n);
    struct state_field field;
    for (size_t at = 0; bytes && state_next(bytes, n, &at, &field);) {
        if (field.tag == TAG_STARTED_AT) {
            mush->started_at = state_number(&field);
        } else if (field.tag == TAG_REBOOTS) {
            mush->n_reboots = state_number(&field) + 1;
        } else if (field.tag == TAG_BY) {
            snprintf(mush->reboot_by, sizeof mush->reboot_by, "%.*s", (int)field.n,
                     (const char *)field.value);
        }
    }
}
