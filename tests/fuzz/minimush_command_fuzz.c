// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From a line to a command of minimush's, its words and its names. Held: the cuts lie within the
// line and are trimmed; what a word means begins with it or is called so, is found by its whole
// name too, and is no wizard's for a player; what may be a name finds the object that has it.
//
// Errors: abort.
#include "command.h"
#include "fuzz.h"
#include "text.h"

#include <strings.h>

static bool is_trimmed(const char *text)
{
    size_t n = strlen(text);
    return n == 0 || (text[0] != ' ' && text[n - 1] != ' ');
}

static void cut(const char *line)
{
    size_t n = strlen(line);
    char *text = fuzz_string((const uint8_t *)line, n);
    char *behind = text_cut(text);
    hold(is_trimmed(text) && strchr(text, '=') == NULL);
    hold((behind != NULL) == (strchr(line, '=') != NULL));
    if (behind)
        hold(behind > text && behind + strlen(behind) <= text + n && is_trimmed(behind));
    free(text);
}

static void find(const char *word, unsigned flags)
{
    const struct object player = {.kind = WORLD_PLAYER, .flags = flags};
    const struct command *command = command_find(&player, word);
    if (!command)
        return;
    hold(strcasecmp(command->alias, word) == 0 ||
         strncasecmp(command->name, word, strlen(word)) == 0);
    hold(!command->is_exact || strlen(word) == strlen(command->name) ||
         strcasecmp(command->alias, word) == 0);
    hold(command->rights == COMMAND_ALL || flags == WORLD_WIZARD);
    hold(command_find(&player, command->name) == command);
}

static void split(const char *line)
{
    size_t n = strlen(line);
    char *word = fuzz_string((const uint8_t *)line, n);
    char *rest = text_split(word);
    hold(rest >= word + strlen(word) && rest + strlen(rest) <= word + n);
    hold(is_trimmed(rest) && strchr(word, ' ') == NULL);
    find(word, 0);
    find(word, WORLD_WIZARD);
    free(word);
}

static void name(char *line)
{
    struct object object = {.kind = WORLD_THING, .name = line};
    hold(!world_is_player_name(line) || strlen(line) < WORLD_PLAYER_NAME_BYTES);
    if (!world_is_name(line))
        return;
    struct world_name first = world_name(&object);
    hold(strlen(first.text) < WORLD_NAME_BYTES && strchr(first.text, ';') == NULL);
    hold(world_is_called(&object, first.text, false) && world_is_called(&object, first.text, true));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    while (input.n > 0) {
        char *line = fuzz_line(&input);
        cut(line);
        split(line);
        name(line);
        free(line);
    }
    return 0;
}
