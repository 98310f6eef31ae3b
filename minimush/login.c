// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The connect screen (login.h): connect, create, @password, and what comes of it once the password
// is hashed. Until then the line is not acted on: after a crash it is done again.
//
// A known certificate does not let its player in at once but makes the password unnecessary: a
// player with several characters then has the choice, and who shares a computer is not taken by
// surprise.
//
// Errors: the player is told. Whether a name exists is not told apart from a wrong password,
// neither in words nor by the time it takes.
#include "login.h"

#include "account.h"
#include "commands.h"
#include "life.h"
#include "output.h"
#include "text.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void tell_door(struct link *link)
{
    link_tell(link, "  connect NAME PASSWORD   play a character (without PASSWORD you are asked)");
    link_tell(link, "  create NAME PASSWORD    make a new one");
    link_tell(link, "  WHO, QUIT");
    if (!world_has_players(link->mush->world))
        link_tell(link, "Nobody lives here yet: the first character becomes the wizard.");
}

static void greet_by_certificate(struct link *link)
{
    char names[256];
    if (!link->player.has_certificate)
        return;
    account_names_of(link->mush->world, link->player.fingerprint, names, sizeof names);
    if (names[0] != '\0')
        link_tell(link, "Your certificate is known: connect NAME is enough for %s.", names);
}

void login_greet(struct link *link)
{
    struct mush *mush = link->mush;
    link_tell(link, "Welcome to %s.", mush->settings->name);
    if (link->player.is_tls) {
        link_tell(link, "Your connection is encrypted: %s, %s.", link->player.tls_version,
                  link->player.tls_cipher);
    } else {
        link_tell(link, "Your connection is not encrypted.");
    }
    greet_by_certificate(link);
    tell_door(link);
}

static bool ask(struct link *link, struct password_job *job)
{
    job->link = link->number;
    bool is_asked = passwords_ask(link->mush->passwords, job);
    if (!is_asked)
        link_tell(link, "The game is short of memory. Please try again later.");
    explicit_bzero(job, sizeof *job);
    return is_asked;
}

static bool check_password(struct link *link, const char *password, const char *usage)
{
    size_t n = strlen(password);
    if (n < PASSWORD_MIN_BYTES || n > PASSWORD_MAX_BYTES || strchr(password, ' ')) {
        link_tell(link, "A password has %u to %u bytes, and no spaces: %s", PASSWORD_MIN_BYTES,
                  PASSWORD_MAX_BYTES, usage);
        return false;
    }
    return true;
}

static void create(struct link *link, const char *name, const char *password)
{
    struct password_job job = {.task = PASSWORD_MAKE};
    const struct object *taken = world_find_player(link->mush->world, name);
    if (!world_is_player_name(name)) {
        link_tell(link,
                  "A name begins with a letter, and has at most %u letters, digits and - _ '.",
                  WORLD_PLAYER_NAME_BYTES - 1);
    } else if (!check_password(link, password, "create NAME PASSWORD")) {
        return;
    } else if (taken) {
        link_tell(link, "There is a %s already. Please choose another name.", taken->name);
    } else {
        snprintf(job.name, sizeof job.name, "%s", name);
        snprintf(job.password, sizeof job.password, "%s", password);
        if (ask(link, &job))
            link_await_password(link);
    }
}

static void check(struct link *link, const char *name, const char *password)
{
    struct password_job job = {.task = PASSWORD_CHECK};
    bool is_short = strlen(password) <= PASSWORD_MAX_BYTES;
    if (!is_short || !account_find(link->mush->world, name, job.hash))
        job.hash[0] = '\0';
    snprintf(job.name, sizeof job.name, "%s", name);
    snprintf(job.password, sizeof job.password, "%s", is_short ? password : "");
    if (ask(link, &job))
        link_await_password(link);
}

static void connect_as(struct link *link, const char *name, const char *password)
{
    struct world *world = link->mush->world;
    struct object *player = world_find_player(world, name);
    if (name[0] == '\0')
        link_tell(link, "connect NAME PASSWORD, or connect NAME");
    else if (password[0] != '\0')
        check(link, name, password);
    else if (player && link->player.has_certificate &&
             account_has_certificate(world, player, link->player.fingerprint))
        link_enter(link, player);
    else
        link_prompt(link, name);
}

// The line is a password and nothing else.
static void take_prompted(struct link *link, const char *line)
{
    char name[sizeof link->prompt_name];
    memcpy(name, link->prompt_name, sizeof name);
    link_end_prompt(link);
    if (line[0] == '\0')
        link_tell(link, "No password: connect NAME asks again.");
    else
        check(link, name, line);
}

void login_line(struct link *link, char *line)
{
    char copy[LINE_MAX_BYTES + 1];
    if (link->phase == LINK_PROMPT) {
        take_prompted(link, line);
        return;
    }
    snprintf(copy, sizeof copy, "%s", line);
    char *name = text_split(copy);
    char *password = text_split(name);
    if (strcasecmp(copy, "connect") == 0 || strcasecmp(copy, "co") == 0) {
        connect_as(link, name, password);
    } else if (strcasecmp(copy, "create") == 0 || strcasecmp(copy, "cr") == 0) {
        create(link, name, password);
    } else if (strcasecmp(copy, "who") == 0) {
        do_who(link, name);
    } else if (strcasecmp(copy, "quit") == 0) {
        do_quit(link, name);
    } else {
        link_tell(link, "That is not understood here. Come in first:");
        tell_door(link);
    }
    explicit_bzero(copy, sizeof copy);
}

void do_password(struct link *link, char *args)
{
    struct password_job job = {.task = PASSWORD_CHANGE};
    char *next = text_cut(args);
    if (!next || args[0] == '\0') {
        link_tell(link, "@password OLD=NEW");
        return;
    }
    if (!check_password(link, next, "@password OLD=NEW"))
        return;
    account_find(link->mush->world, link->self->name, job.hash);
    snprintf(job.password, sizeof job.password, "%.*s", (int)PASSWORD_MAX_BYTES, args);
    snprintf(job.next, sizeof job.next, "%s", next);
    link->is_asking = ask(link, &job);
}

static void created(struct link *link, const struct password_job *job)
{
    struct object *player = NULL;
    if (job->is_well)
        player = account_create(link->mush->world, job->name, job->hash);
    if (player) {
        link_enter(link, player);
        return;
    }
    link_tell(link, job->is_well ? "Somebody was quicker: that name is taken now."
                                 : "That did not work. Please try again later.");
    link_resume_login(link);
}

static void checked(struct link *link, const struct password_job *job)
{
    struct object *player = world_find_player(link->mush->world, job->name);
    if (job->is_well && player) {
        link_enter(link, player);
        return;
    }
    link_tell(link, "There is no such character, or it has another password.");
    link_reject(link);
}

static void changed(struct link *link, const struct password_job *job)
{
    link->is_asking = false;
    if (job->is_well) {
        account_set_hash(link->mush->world, link->self, job->hash);
        link_tell(link, "Your password is changed.");
    } else {
        link_tell(link, "That is not your old password; nothing is changed.");
    }
    link_settle(link);
    link_go_on(link, 0);
}

void login_decided(const struct password_job *job, void *arg)
{
    struct link *link = link_find(arg, job->link);
    if (!link)
        return; // it has left in the meantime
    if (job->task == PASSWORD_CHANGE && link_is_playing(link))
        changed(link, job);
    else if (link->phase == LINK_HASHING && job->task == PASSWORD_MAKE)
        created(link, job);
    else if (link->phase == LINK_HASHING && job->task == PASSWORD_CHECK)
        checked(link, job);
}
