// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The connect screen (play.h): connect, create, and what comes of it once the password is hashed.
//
// Errors: the player is told. Whether a name exists is not told apart from a wrong password,
// neither in words nor by the time it takes.
#include "play.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

// Hands the password over to be hashed. The line is kept in case a reboot comes first.
static void ask(struct link *link, struct password_job *job, const char *line, const char *name,
                const char *password)
{
    job->link = link->number;
    snprintf(job->name, sizeof job->name, "%s", name);
    snprintf(job->password, sizeof job->password, "%s", password);
    if (passwords_ask(link->mush->passwords, job)) {
        link_await_password(link, line);
    } else {
        link_tell(link, "The game is short of memory. Please try again later.");
    }
    explicit_bzero(job, sizeof *job);
}

static void do_create(struct link *link, const char *line, const char *name, const char *password)
{
    struct password_job job = {.task = PASSWORD_MAKE};
    struct character taken;
    size_t n = strlen(password);
    if (!world_is_name(name)) {
        link_tell(link,
                  "A name begins with a letter, and has at most %u letters, digits and - _ '.",
                  WORLD_NAME_BYTES - 1);
    } else if (n < PASSWORD_MIN_BYTES || n > PASSWORD_MAX_BYTES) {
        link_tell(link, "A password has %u to %u bytes: create NAME PASSWORD", PASSWORD_MIN_BYTES,
                  PASSWORD_MAX_BYTES);
    } else if (world_find(link->mush->world, name, &taken, job.hash) == WORLD_DONE) {
        link_tell(link, "There is a %s already. Please choose another name.", taken.name);
    } else {
        job.hash[0] = '\0';
        ask(link, &job, line, name, password);
    }
}

static void do_connect(struct link *link, const char *line, const char *name, const char *password)
{
    struct password_job job = {.task = PASSWORD_CHECK};
    struct character character;
    if (name[0] == '\0' || password[0] == '\0') {
        link_tell(link, "connect NAME PASSWORD");
        return;
    }
    if (!world_is_name(name) || strlen(password) > PASSWORD_MAX_BYTES ||
        world_find(link->mush->world, name, &character, job.hash) != WORLD_DONE) {
        job.hash[0] = '\0';
    }
    ask(link, &job, line, name, strlen(password) <= PASSWORD_MAX_BYTES ? password : "");
}

void login_line(struct link *link, char *line)
{
    char copy[LINE_MAX_BYTES + 1];
    snprintf(copy, sizeof copy, "%s", line);
    char *name = play_split(copy);
    char *password = play_split(name);
    if (strcasecmp(copy, "connect") == 0) {
        do_connect(link, line, name, password);
    } else if (strcasecmp(copy, "create") == 0) {
        do_create(link, line, name, password);
    } else if (strcasecmp(copy, "who") == 0) {
        play_who(link);
    } else if (strcasecmp(copy, "quit") == 0) {
        link_tell(link, "Good-bye.");
        link_leave(link);
    } else {
        play_greet(link);
    }
    explicit_bzero(copy, sizeof copy);
}

static void created(struct link *link, const struct password_job *job)
{
    struct character character;
    enum world_status status = WORLD_FAILED;
    if (job->is_well) {
        status = world_create(link->mush->world, job->name, job->hash, &character);
    }
    if (status == WORLD_DONE) {
        link_enter(link, &character);
        return;
    }
    link_tell(link, status == WORLD_TAKEN ? "Somebody was quicker: that name is taken now."
                                          : "That did not work; the game's log says why.");
    link_resume_login(link);
}

static void checked(struct link *link, const struct password_job *job)
{
    struct character character;
    char hash[PASSWORD_HASH_BYTES];
    if (job->is_well && world_find(link->mush->world, job->name, &character, hash) == WORLD_DONE) {
        link_enter(link, &character);
        return;
    }
    link_tell(link, "There is no such character, or it has another password.");
    link_reject(link);
}

void login_decided(const struct password_job *job, void *arg)
{
    struct link *link = link_find(arg, job->link);
    if (link == NULL || link->phase != LINK_HASHING) {
        return; // it has left in the meantime
    }
    if (job->task == PASSWORD_MAKE) {
        created(link, job);
    } else {
        checked(link, job);
    }
}
