// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Finds the program stayd and opens libstay (stayd.h). Errors: words on stderr.
#include "stayd.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

// Beside this program, or one folder above (where a build has it); else the name, for PATH.
static char *find_stayd(const char *program)
{
    static const char *const places[] = {"stayd", "../stayd"};
    char *copy = strdup(program);
    const char *folder = copy ? dirname(copy) : ".";
    char *found = NULL;
    for (size_t i = 0; i < sizeof places / sizeof places[0] && !found; i++) {
        struct stat status;
        char *path;
        if (asprintf(&path, "%s/%s", folder, places[i]) < 0)
            continue;
        if (stat(path, &status) == 0 && S_ISREG(status.st_mode) && access(path, X_OK) == 0)
            found = path;
        else
            free(path);
    }
    free(copy);
    return found ? found : strdup("stayd");
}

void stayd_say_how(const struct mush *mush)
{
    static const char *const words[] = {
        [STAY_STARTED] = "stayd is started; players can connect",
        [STAY_FOUND] = "stayd is running already and is used again; players can connect",
        [STAY_FOUND_DIFFERENT] =
            "stayd is running already, and keeps the settings it had; players can connect",
        [STAY_KEPT] = "rebooted",
        [STAY_NOT_ASKED] = "stayd is left alone",
    };
    fprintf(stderr, "%sminimush: %s\n", stay_remarks(mush->stay),
            words[stay_how_started(mush->stay)]);
}

// Its name without "." and "..": a socket's name has little room.
static char *make_folder(const char *path)
{
    char *folder = NULL;
    if (mkdir(path, 0700) == 0 || errno == EEXIST)
        folder = realpath(path, NULL);
    if (!folder)
        fprintf(stderr, "minimush: %s: %s\n", path, strerror(errno));
    return folder;
}

// stayd's complaints name the file that libstay wrote for it.
static void say_what_to_edit(const struct settings *settings, const char *directory,
                             const char *error)
{
    char *written;
    if (asprintf(&written, "%s/stayd.conf", directory) < 0)
        return;
    if (strstr(error, written))
        fprintf(stderr, "minimush: %s is made from %s: change that one\n", written, settings->path);
    free(written);
}

// The first thing after the configuration, as the world may take long to load and players can knock
// meanwhile. At a reboot nothing is started: stayd has gone on all the time.
bool stayd_open(struct mush *mush)
{
    struct settings *settings = mush->settings;
    char error[STAY_ERROR_BYTES];
    char *directory = NULL;
    char *stayd = settings->stayd ? strdup(settings->stayd) : find_stayd(mush->program);
    char *folder = make_folder(settings->directory);
    if (!folder || asprintf(&directory, "%s/run", folder) < 0) {
        directory = NULL;
    } else {
        struct stay_options options = {.game = settings->game,
                                       .directory = directory,
                                       .stayd = stayd,
                                       .settings = settings->stayd_setting,
                                       .n_settings = settings->n_stayd_settings,
                                       .resumes = settings->resumes,
                                       .acknowledges = settings->resumes};
        mush->stay = stay_open(&options, error, sizeof error);
        if (!mush->stay) {
            size_t n = strlen(error);
            fprintf(stderr, "minimush: %s%s", error, n > 0 && error[n - 1] == '\n' ? "" : "\n");
            say_what_to_edit(settings, directory, error);
        }
    }
    free(folder);
    free(directory);
    free(stayd);
    return mush->stay != NULL;
}

// What stayd did not do, and why it does not start again: the log says it once.
void stayd_say_refusals(struct mush *mush)
{
    struct stay_counts counts;
    stay_counts(mush->stay, &counts);
    if (counts.n_refused > mush->n_refused) {
        mush->n_refused = counts.n_refused;
        fprintf(stderr, "minimush: trouble with stayd, %llu times so far:\n%s",
                (unsigned long long)counts.n_refused, stay_remarks(mush->stay));
    }
}

// Everybody was cut off then, and the connections have said so; the log says why.
void stayd_say_restarts(struct mush *mush)
{
    unsigned n = stay_n_restarts(mush->stay);
    if (n > mush->n_restarts) {
        mush->n_restarts = n;
        fprintf(stderr, "minimush: all of stayd was gone; it is started again, and players can "
                        "connect\n");
    }
}
