// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From a line to its command (play.h). Errors: they are told.
#include "play.h"

#include "channel.h"
#include "command.h"
#include "commands.h"
#include "login.h"
#include "move.h"
#include "output.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

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
