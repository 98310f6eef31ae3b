// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What players do in the world (play.h): one table of commands. Errors: they are told.
#include "play.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

struct command {
    const char *name;
    const char *alias; // "" without any
    bool is_for_wizards;
    void (*run)(struct link *link, char *args);
    const char *help;
};

char *play_trim(char *text)
{
    text += strspn(text, " ");
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == ' ') {
        text[--n] = '\0';
    }
    return text;
}

char *play_split(char *text)
{
    size_t n = strcspn(text, " ");
    char *rest = text + n + (text[n] == ' ' ? 1 : 0);
    text[n] = '\0';
    return play_trim(rest);
}

// "01:07" or "2d 01:07".
static void put_span(char *out, size_t out_size, int64_t seconds)
{
    long long minutes = seconds > 0 ? seconds / 60 : 0;
    long long days = minutes / 1440;
    if (days > 0) {
        snprintf(out, out_size, "%lldd %02lld:%02lld", days, minutes / 60 % 24, minutes % 60);
    } else {
        snprintf(out, out_size, "%02lld:%02lld", minutes / 60, minutes % 60);
    }
}

static void put_idle(char *out, size_t out_size, int64_t seconds)
{
    static const struct {
        int64_t seconds;
        char letter;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (seconds >= units[i].seconds) {
            snprintf(out, out_size, "%lld%c", (long long)(seconds / units[i].seconds),
                     units[i].letter);
            return;
        }
    }
    snprintf(out, out_size, "%llds", (long long)(seconds > 0 ? seconds : 0));
}

static void put_host(char *out, size_t out_size, const struct stay_player *player)
{
    if (player->host[0] != '\0') {
        snprintf(out, out_size, "%s [%s]", player->host, player->address);
    } else {
        snprintf(out, out_size, "%s", player->address);
    }
}

void play_who(struct link *link)
{
    bool is_playing = link_is_playing(link);
    int64_t now = time(NULL);
    unsigned n = 0;
    link_tell(link, "Name                     On for  Idle  Line     %s", is_playing ? "Host" : "");
    for (struct link *other = link->mush->first; other != NULL; other = other->next) {
        char on_for[32];
        char idle[32];
        char host[sizeof other->player.host + sizeof other->player.address + sizeof " []"];
        if (!link_is_playing(other)) {
            continue;
        }
        put_span(on_for, sizeof on_for, now - other->connected_at);
        put_idle(idle, sizeof idle, now - other->spoke_at);
        put_host(host, sizeof host, &other->player);
        const char *tls = other->player.is_tls ? other->player.tls_version : "plain";
        link_tell(link, "%-20s %10s %5s  %-8s %s", other->character.name, on_for, idle, tls,
                  is_playing ? host : "");
        n++;
    }
    link_tell(link, "%u player%s connected.", n, n == 1 ? " is" : "s are");
}

void play_look(struct link *link)
{
    const struct room *room = world_room(link->mush->world, link->character.room);
    link_tell(link, "%s", room->name);
    link_tell(link, "%s", room->description);
    for (struct link *other = link->mush->first; other != NULL; other = other->next) {
        if (other != link && link_is_playing(other) && other->character.room == room->id) {
            link_tell(link, "%s is here.", other->character.name);
        }
    }
    char exits[512] = "";
    for (size_t i = 0; i < room->n_exits; i++) {
        size_t n = strlen(exits);
        snprintf(exits + n, sizeof exits - n, "%s%s", i > 0 ? ", " : "", room->exits[i].name);
    }
    link_tell(link, "Exits: %s", exits[0] != '\0' ? exits : "none");
}

void play_greet(struct link *link)
{
    struct mush *mush = link->mush;
    link_tell(link, "Welcome to %s.", mush->settings->name);
    if (link->player.is_tls) {
        link_tell(link, "Your connection is encrypted: %s, %s.", link->player.tls_version,
                  link->player.tls_cipher);
    } else {
        link_tell(link, "Your connection is not encrypted.");
    }
    link_tell(link, "  connect NAME PASSWORD   play a character");
    link_tell(link, "  create NAME PASSWORD    make a new one");
    link_tell(link, "  WHO, QUIT");
    if (!world_has_characters(mush->world)) {
        link_tell(link, "Nobody lives here yet: the first character becomes the wizard.");
    }
}

void play_enter(struct link *link)
{
    const struct character *character = &link->character;
    link_tell(link, "You are %s%s. Type help for what one can do.", character->name,
              character->is_wizard ? ", the wizard here" : "");
    mush_tell_room(link->mush, character->room, link, "%s has connected.", character->name);
    play_look(link);
}

void play_leave(struct link *link)
{
    mush_tell_room(link->mush, link->character.room, link, "%s has disconnected.",
                   link->character.name);
}

static void do_say(struct link *link, char *args)
{
    link_tell(link, "You say, \"%s\"", args);
    mush_tell_room(link->mush, link->character.room, link, "%s says, \"%s\"", link->character.name,
                   args);
}

static void do_pose(struct link *link, char *args)
{
    mush_tell_room(link->mush, link->character.room, NULL, "%s %s", link->character.name, args);
}

static void do_attached_pose(struct link *link, char *args)
{
    mush_tell_room(link->mush, link->character.room, NULL, "%s%s", link->character.name, args);
}

static void do_page(struct link *link, char *args)
{
    char *text = strchr(args, '=');
    unsigned n = 0;
    if (text == NULL) {
        link_tell(link, "Whom, and what? page NAME=TEXT");
        return;
    }
    *text++ = '\0';
    char *name = play_trim(args);
    for (struct link *other = link->mush->first; other != NULL; other = other->next) {
        if (link_is_playing(other) && strcasecmp(other->character.name, name) == 0) {
            link_tell(other, "%s pages: %s", link->character.name, text);
            n++;
        }
    }
    if (n > 0) {
        link_tell(link, "You paged %s with: %s", name, text);
    } else {
        link_tell(link, "%s is not connected.", name);
    }
}

static void do_look(struct link *link, char *args)
{
    const struct room *room = world_room(link->mush->world, link->character.room);
    if (args[0] == '\0' || strcasecmp(args, "here") == 0) {
        play_look(link);
        return;
    }
    const struct exit *exit = world_find_exit(room, args);
    if (exit != NULL) {
        link_tell(link, "That way lies %s.", world_room(link->mush->world, exit->target)->name);
        return;
    }
    for (struct link *other = link->mush->first; other != NULL; other = other->next) {
        if (link_is_playing(other) && other->character.room == room->id &&
            strcasecmp(other->character.name, args) == 0) {
            link_tell(link, "%s looks back at you.", other->character.name);
            return;
        }
    }
    link_tell(link, "You do not see that here.");
}

static void move(struct link *link, const struct exit *exit)
{
    struct mush *mush = link->mush;
    struct character *character = &link->character;
    mush_tell_room(mush, character->room, link, "%s goes %s.", character->name, exit->name);
    world_move(mush->world, character, exit->target);
    mush_tell_room(mush, character->room, link, "%s arrives.", character->name);
    play_look(link);
}

static void do_go(struct link *link, char *args)
{
    const struct room *room = world_room(link->mush->world, link->character.room);
    const struct exit *exit = world_find_exit(room, args);
    if (exit != NULL) {
        move(link, exit);
    } else {
        link_tell(link, "There is no way out by that name.");
    }
}

static void do_think(struct link *link, char *args)
{
    link_tell(link, "%s", args);
}

static void do_who(struct link *link, char *args)
{
    (void)args;
    play_who(link);
}

static void do_quit(struct link *link, char *args)
{
    (void)args;
    link_tell(link, "Good-bye.");
    link_leave(link);
}

static void do_help(struct link *link, char *args);

static const struct command commands[] = {
    {"say", "", false, do_say, "say TEXT, \"TEXT            speak to everybody in the room"},
    {"pose", "", false, do_pose, "pose TEXT, :TEXT           do something; ;TEXT without a space"},
    {"page", "p", false, do_page, "page NAME=TEXT             speak to one player, wherever"},
    {"look", "l", false, do_look,
     "look [WHAT]                see where you are, or something here"},
    {"go", "", false, do_go, "go EXIT, or just EXIT      walk"},
    {"think", "", false, do_think,
     "think TEXT                 see TEXT yourself, nobody else does"},
    {"who", "", false, do_who, "WHO                        who is connected"},
    {"help", "", false, do_help, "help                       this"},
    {"quit", "", false, do_quit, "QUIT                       leave"},
    {"@shutdown", "", true, admin_shutdown, "@shutdown                  end the game"},
    {"@shutdown/reboot", "", true, admin_reboot,
     "@shutdown/reboot           start the game anew; everybody stays connected"},
    {"@sitelock", "", true, admin_sitelock,
     "@sitelock PATTERN          shut out an address, 192.0.2.0/24, 10.1.* or *.example.com"},
    {"@sitelock/list", "", true, admin_sitelock_list, "@sitelock/list             who is shut out"},
    {"@sitelock/remove", "", true, admin_sitelock_remove,
     "@sitelock/remove PATTERN   let them in again"},
};

enum { N_COMMANDS = sizeof commands / sizeof commands[0] };

static void do_help(struct link *link, char *args)
{
    (void)args;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        if (!commands[i].is_for_wizards || link->character.is_wizard) {
            link_tell(link, "  %s", commands[i].help);
        }
    }
}

static const struct command *find_command(const struct link *link, const char *word)
{
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const struct command *command = &commands[i];
        bool is_named = strcasecmp(command->name, word) == 0 ||
                        (command->alias[0] != '\0' && strcasecmp(command->alias, word) == 0);
        if (is_named && (!command->is_for_wizards || link->character.is_wizard)) {
            return command;
        }
    }
    return NULL;
}

// A shortcut needs no space behind it: "hello, :waves, ;'s hat.
static bool take_shortcut(struct link *link, char *line)
{
    switch (line[0]) {
    case '"':
        do_say(link, line + 1);
        return true;
    case ':':
        do_pose(link, line + 1);
        return true;
    case ';':
        do_attached_pose(link, line + 1);
        return true;
    default:
        return false;
    }
}

static void game_line(struct link *link, char *line)
{
    const struct room *room = world_room(link->mush->world, link->character.room);
    if (take_shortcut(link, line)) {
        return;
    }
    const struct exit *exit = world_find_exit(room, line);
    if (exit != NULL) {
        move(link, exit);
        return;
    }
    // Not trimmed at the end: what is said or thought is said and thought as typed.
    size_t n = strcspn(line, " ");
    char *args = line + n + (line[n] == ' ' ? 1 : 0);
    line[n] = '\0';
    const struct command *command = find_command(link, line);
    if (command != NULL) {
        command->run(link, args);
    } else {
        link_tell(link, "What? Type help for what one can do.");
    }
}

void play_line(struct link *link, char *line)
{
    line += strspn(line, " ");
    if (line[0] == '\0') {
        return;
    }
    if (link_is_playing(link)) {
        game_line(link, line);
    } else {
        login_line(link, line);
    }
}
