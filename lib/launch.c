// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Finding or starting stayd (launch.h). Errors: words; stayd's own complaints are passed on
// as they are.
#include "launch.h"

#include "place.h"
#include "renew.h"
#include "spawn.h"
#include "words.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

bool stay_launch_is_same(const char *directory, const char *text)
{
    char path[STAY_PATH_BYTES];
    stay_place_path(path, directory, STAY_CONFIGURATION);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    size_t n_text = strlen(text);
    char *found = malloc(n_text + 1); // one more than there should be
    bool is_same =
        found && read(fd, found, n_text + 1) == (ssize_t)n_text && memcmp(found, text, n_text) == 0;
    free(found);
    close(fd);
    return is_same;
}

// A name without '/' is looked for in PATH. For the caller to free, absolute, because it will be
// run in another directory; NULL with errno: it is nowhere.
static char *find_program(const char *name)
{
    if (strchr(name, '/'))
        return realpath(name, NULL);
    const char *search = getenv("PATH");
    for (const char *at = search ? search : "/usr/bin:/bin"; at;) {
        size_t n = strcspn(at, ":");
        char *path;
        if (n > 0 && asprintf(&path, "%.*s/%s", (int)n, at, name) > 0) {
            struct stat status;
            bool is_found =
                stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0;
            char *program = is_found ? realpath(path, NULL) : NULL;
            free(path);
            if (program)
                return program;
        }
        at = at[n] == ':' ? at + n + 1 : NULL;
    }
    errno = ENOENT;
    return NULL;
}

int stay_launch_again(const char *directory, const char *name, char *error, size_t error_size)
{
    char path[STAY_PATH_BYTES];
    stay_place_path(path, directory, STAY_CONFIGURATION);
    char *argv[] = {"stayd", "-c", path, "--daemon", NULL};
    char *program = find_program(name);
    int fd = program ? stay_spawn_loose(program, argv) : -1;
    if (fd < 0)
        stay_words(error, error_size, "%s: %s", name, strerror(errno));
    free(program);
    return fd;
}

static bool judge(const char *program, int status, int reason, const char *said, char *error,
                  size_t error_size)
{
    if (status == 0)
        return true;
    if (status == -1 && reason == ETIMEDOUT)
        return stay_words(error, error_size,
                          "%s did not say within %d s that players can connect\n%s", program,
                          STAY_LAUNCH_TIMEOUT_MS / 1000, said);
    if (status == -1)
        return stay_words(error, error_size, "%s: cannot be run: %s", program, strerror(reason));
    if (said[0] != '\0')
        return stay_words(error, error_size, "%s", said);
    return stay_words(error, error_size, "%s ended with %s %d and said nothing", program,
                      WIFSIGNALED(status) ? "signal" : "status",
                      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static bool run(const char *directory, const char *name, char *said, size_t said_size, char *error,
                size_t error_size)
{
    char path[STAY_PATH_BYTES];
    stay_place_path(path, directory, STAY_CONFIGURATION);
    char *program = find_program(name);
    if (!program)
        return stay_words(error, error_size,
                          "%s: cannot find this program (give its path, or put it into PATH): %s",
                          name, strerror(errno));
    char *argv[] = {"stayd", "-c", path, "--daemon", NULL};
    int status = stay_spawn_wait(program, argv, STAY_LAUNCH_TIMEOUT_MS, said, said_size);
    bool has_started = judge(program, status, errno, said, error, error_size);
    free(program);
    return has_started;
}

// Of one that runs. What it said, or why it goes on with the former settings, is in said.
static enum stay_start give_settings(const char *directory, const char *text, char *said,
                                     size_t said_size)
{
    char why[STAY_ERROR_BYTES];
    if (stay_launch_is_same(directory, text) && !stay_renew_is_open(directory))
        return STAY_FOUND;
    if (stay_renew(directory, text, said, said_size, why, sizeof why))
        return STAY_FOUND;
    size_t n = strcspn(why, "\n");
    snprintf(said, said_size, "stayd goes on with the settings it had, because: %.*s%s%s\n", (int)n,
             why, why[n] != '\0' ? "\n" : "", why[n] != '\0' ? why + n + 1 : "");
    return STAY_FOUND_DIFFERENT;
}

bool stay_launch(const char *directory, const char *name, const char *text, enum stay_start *how,
                 char *said, size_t said_size, char *error, size_t error_size)
{
    char control[STAY_PATH_BYTES];
    said[0] = '\0';
    stay_place_path(control, directory, STAY_CONTROL);
    if (stay_place_has_stayd(control)) {
        *how = give_settings(directory, text, said, said_size);
        return true;
    }
    *how = STAY_STARTED;
    if (!stay_renew_write(directory, text, error, error_size))
        return false;
    stay_renew_forget(directory);
    return run(directory, name, said, said_size, error, error_size);
}
