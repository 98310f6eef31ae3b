// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From a line to its command (play.h), and what is said at a player's coming and going. Errors:
// they are told.
#include "play.h"

#include "account.h"
#include "gmcp.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

char *play_trim(char *text)
{
    text += strspn(text, " ");
    size_t n = strlen(text);
    while (n > 0 && text[n - 1] == ' ')
        text[--n] = '\0';
    return text;
}

char *play_split(char *text)
{
    size_t n = strcspn(text, " ");
    char *rest = text + n + (text[n] == ' ' ? 1 : 0);
    text[n] = '\0';
    return play_trim(rest);
}

char *play_cut(char *text)
{
    char *behind = strchr(text, '=');
    if (behind) {
        *behind++ = '\0';
        behind = play_trim(behind);
    }
    memmove(text, text + strspn(text, " "), strlen(text + strspn(text, " ")) + 1);
    play_trim(text);
    return behind;
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
    greet_by_certificate(link);
    play_tell_door(link);
}

void play_tell_door(struct link *link)
{
    link_tell(link, "  connect NAME PASSWORD   play a character (without PASSWORD you are asked)");
    link_tell(link, "  create NAME PASSWORD    make a new one");
    link_tell(link, "  WHO, QUIT");
    if (!world_has_players(link->mush->world))
        link_tell(link, "Nobody lives here yet: the first character becomes the wizard.");
}

static void tell_neighbours(struct link *link, const char *what)
{
    for (struct link *other = link->mush->first; other; other = other->next)
        if (other != link && link_is_playing(other) && other->self->place == link->self->place &&
            (other->self->flags & WORLD_QUIET) == 0)
            link_tell(other, "%s has %s.", link->self->name, what);
}

void play_enter(struct link *link)
{
    link_tell(link, "You are %s%s. Type help for what one can do.", link->self->name,
              world_is_wizard(link->self) ? ", a wizard here" : "");
    tell_neighbours(link, "connected");
    look_around(link);
    gmcp_send_room(link);
}

void play_come_back(struct link *link)
{
    tell_neighbours(link, "connected");
}

void play_leave(struct link *link)
{
    tell_neighbours(link, "disconnected");
}

// A shortcut needs no space behind it: "hello, :waves, ;'s hat, +public hello.
static bool take_shortcut(struct link *link, char *line)
{
    static const struct {
        char sign;
        void (*run)(struct link *link, char *args);
    } shortcuts[] = {{'"', do_say},      {':', do_pose},     {';', do_semipose},
                     {'+', channel_say}, {'=', channel_say}, {'\\', do_emit}};
    for (size_t i = 0; i < sizeof shortcuts / sizeof shortcuts[0]; i++) {
        if (line[0] == shortcuts[i].sign) {
            shortcuts[i].run(link, line + 1);
            return true;
        }
    }
    return false;
}

static void game_line(struct link *link, char *line)
{
    if (take_shortcut(link, line))
        return;
    struct object *exit = world_find_exit(link->self->place, line);
    if (exit) {
        move_by(link, exit);
        return;
    }
    // Not trimmed at the end: what is said or thought is said and thought as typed.
    size_t n = strcspn(line, " ");
    char *args = line + n + (line[n] == ' ' ? 1 : 0);
    line[n] = '\0';
    const struct command *command = command_find(link->self, line);
    if (command)
        command->run(link, args);
    else
        link_tell(link, "What? Type help for what one can do.");
}

void play_line(struct link *link, char *line)
{
    if (link->phase == LINK_PROMPT) {
        login_line(link, line);
        return;
    }
    line += strspn(line, " ");
    if (line[0] == '\0')
        return;
    if (link_is_playing(link))
        game_line(link, line);
    else
        login_line(link, line);
}
