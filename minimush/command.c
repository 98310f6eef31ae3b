// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The table of commands (command.h). Where the beginning of a name fits several, the first of them is
// meant, so the order matters. What cannot be taken back must be typed in full. Errors: none.
#include "command.h"

#include "commands.h"

#include <string.h>
#include <strings.h>

static const struct command commands[] = {
    {"say", "", COMMAND_ALL, false, do_say, "say"},
    {"look", "l", COMMAND_ALL, false, do_look, "look"},
    {"pose", "", COMMAND_ALL, false, do_pose, "pose"},
    {"page", "p", COMMAND_ALL, false, do_page, "page"},
    {"semipose", "", COMMAND_ALL, false, do_semipose, "pose"},
    {"whisper", "w", COMMAND_ALL, false, do_whisper, "whisper"},
    {"think", "", COMMAND_ALL, false, do_think, "think"},
    {"go", "move", COMMAND_ALL, false, do_go, "go"},
    {"home", "", COMMAND_ALL, true, do_home, "home"},
    {"inventory", "i", COMMAND_ALL, false, do_inventory, "inventory"},
    {"examine", "ex", COMMAND_ALL, false, do_examine, "examine"},
    {"get", "take", COMMAND_ALL, false, do_get, "get"},
    {"drop", "", COMMAND_ALL, false, do_drop, "drop"},
    {"give", "", COMMAND_ALL, false, do_give, "give"},
    {"who", "", COMMAND_ALL, true, do_who, "who"},
    {"doing", "", COMMAND_ALL, true, do_doing, "doing"},
    {"help", "", COMMAND_ALL, false, do_help, "help"},
    {"quit", "", COMMAND_ALL, true, do_quit, "quit"},
    {"@emit", "", COMMAND_ALL, false, do_emit, "@emit"},
    {"@doing", "", COMMAND_ALL, false, do_set_doing, "@doing"},
    {"@password", "", COMMAND_ALL, true, do_password, "@password"},
    {"@terminal", "", COMMAND_ALL, false, do_terminal, "@terminal"},
    {"@uptime", "", COMMAND_ALL, false, do_uptime, "@uptime"},
    {"@stats", "", COMMAND_ALL, false, do_stats, "@stats"},
    {"@channel/list", "@channel", COMMAND_ALL, false, do_channel_list, "channels"},
    {"@channel/join", "", COMMAND_ALL, false, do_channel_join, "channels"},
    {"@channel/leave", "", COMMAND_ALL, false, do_channel_leave, "channels"},
    {"@channel/who", "", COMMAND_ALL, false, do_channel_who, "channels"},
    {"@cert/list", "@cert", COMMAND_ALL, false, do_cert_list, "@cert"},
    {"@cert/add", "", COMMAND_ALL, true, do_cert_add, "@cert"},
    {"@cert/remove", "", COMMAND_ALL, true, do_cert_remove, "@cert"},
    {"@describe", "", COMMAND_ALL, false, do_describe, "@describe"},
    {"@dig", "", COMMAND_ALL, false, do_dig, "@dig"},
    {"@create", "", COMMAND_ALL, false, do_create, "@create"},
    {"@open", "", COMMAND_ALL, false, do_open, "@open"},
    {"@link", "", COMMAND_ALL, false, do_link, "@link"},
    {"@unlink", "", COMMAND_ALL, true, do_unlink, "@unlink"},
    {"@name", "", COMMAND_ALL, false, do_name, "@name"},
    {"@set", "", COMMAND_ALL, false, do_set, "@set"},
    {"@destroy", "", COMMAND_ALL, true, do_destroy, "@destroy"},
    {"@channel/add", "", COMMAND_WIZARDS, true, do_channel_add, "channels"},
    {"@channel/remove", "", COMMAND_WIZARDS, true, do_channel_remove, "channels"},
    {"@wall", "", COMMAND_WIZARDS, false, do_wall, "@wall"},
    {"@boot", "", COMMAND_WIZARDS, true, do_boot, "@boot"},
    {"@sitelock", "", COMMAND_WIZARDS, true, do_sitelock, "@sitelock"},
    {"@sitelock/list", "", COMMAND_WIZARDS, false, do_sitelock_list, "@sitelock"},
    {"@sitelock/remove", "", COMMAND_WIZARDS, true, do_sitelock_remove, "@sitelock"},
    {"@shutdown", "", COMMAND_WIZARDS, true, do_shutdown, "@shutdown"},
    {"@shutdown/reboot", "", COMMAND_WIZARDS, true, do_reboot, "@shutdown"},
};

#define N_COMMANDS (sizeof commands / sizeof commands[0])

const struct command *command_at(size_t i)
{
    return i < N_COMMANDS ? &commands[i] : NULL;
}

const struct command *command_find(const struct object *player, const char *word)
{
    const struct command *begins = NULL;
    size_t n = strlen(word);
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const struct command *command = &commands[i];
        if (command->rights == COMMAND_WIZARDS && !world_is_wizard(player))
            continue;
        if (strcasecmp(command->name, word) == 0 ||
            (n > 0 && strcasecmp(command->alias, word) == 0))
            return command;
        bool is_enough = word[0] == '@' ? n >= 3 : n >= 2;
        if (!begins && is_enough && !command->is_exact && strncasecmp(command->name, word, n) == 0)
            begins = command;
    }
    return begins;
}
