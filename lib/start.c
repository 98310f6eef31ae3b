// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayd's configuration from a game's options (start.h). Errors: words.
#include "start.h"

#include "launch.h"
#include "place.h"
#include "words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_game_section(const struct stay_options *options, const char *section)
{
    return strncmp(section, "game ", 5) == 0 && strcmp(section + 5, options->game) == 0;
}

static bool is_listener(const char *section)
{
    return strncmp(section, "listen ", 7) == 0;
}

static bool is_set(const struct stay_options *options, const char *section, const char *key)
{
    for (size_t i = 0; i < options->n_settings; i++) {
        const struct stay_setting *setting = &options->settings[i];
        if (strcmp(setting->section, section) == 0 && strcmp(setting->key, key) == 0)
            return true;
    }
    return false;
}

// Put into an INI file, is this text read as what it is? It is not to become another line, a
// comment or another section, and blanks around it would be taken off.
static bool is_plain(const char *text, const char *forbidden)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f || strchr(forbidden, *c))
            return false;
    return text[0] != '\0' && text[0] != ' ' && text[0] != ';' && text[strlen(text) - 1] != ' ' &&
           !strstr(text, " ;");
}

// A blank and a # would begin a comment, and quotes around the whole would be taken off.
static bool needs_quotes(const char *value)
{
    size_t n = strlen(value);
    bool is_quoted = (value[0] == '"' || value[0] == '\'') && value[n - 1] == value[0];
    return is_quoted || value[0] == '#' || strstr(value, " #");
}

// The quote that does not stand in the value; 0: both do.
static char choose_quote(const char *value)
{
    return !strchr(value, '"') ? '"' : !strchr(value, '\'') ? '\'' : '\0';
}

static bool check_setting(const struct stay_options *options, const struct stay_setting *setting,
                          char *error, size_t error_size)
{
    bool is_own =
        (strcmp(setting->section, "stayd") == 0 && strcmp(setting->key, "control") == 0) ||
        (is_game_section(options, setting->section) &&
         (strcmp(setting->key, "connect") == 0 || strcmp(setting->key, "header") == 0));
    if (is_own)
        return stay_words(error, error_size, "[%s] %s cannot be set: libstay sets it itself",
                          setting->section, setting->key);
    if (!is_plain(setting->section, "[]") || !is_plain(setting->key, "[]=:;#") ||
        !is_plain(setting->value, "") ||
        (needs_quotes(setting->value) && choose_quote(setting->value) == '\0'))
        return stay_words(
            error, error_size,
            "[%s] %s: its name or value holds nothing, a line break or something else "
            "that cannot be written into a configuration file",
            setting->section, setting->key);
    return true;
}

bool stay_start_check_name(const char *game, char *error, size_t error_size)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    if (!game || game[0] == '\0' || game[strspn(game, allowed)] != '\0' ||
        strlen(game) > STAY_MAX_NAME)
        return stay_words(error, error_size,
                          "the game's name must be letters, digits, '-' and '_'");
    return true;
}

static bool check(const struct stay_options *options, char *error, size_t error_size)
{
    if (!stay_start_check_name(options->game, error, error_size))
        return false;
    for (size_t i = 0; i < options->n_settings; i++)
        if (!check_setting(options, &options->settings[i], error, error_size))
            return false;
    return true;
}

static void write_settings(FILE *out, const struct stay_options *options, const char *section)
{
    for (size_t i = 0; i < options->n_settings; i++) {
        const struct stay_setting *setting = &options->settings[i];
        if (strcmp(setting->section, section) != 0)
            continue;
        if (needs_quotes(setting->value)) {
            char quote = choose_quote(setting->value);
            fprintf(out, "%s = %c%s%c\n", setting->key, quote, setting->value, quote);
        } else {
            fprintf(out, "%s = %s\n", setting->key, setting->value);
        }
    }
}

static bool is_first_of_section(const struct stay_options *options, size_t i)
{
    for (size_t before = 0; before < i; before++)
        if (strcmp(options->settings[before].section, options->settings[i].section) == 0)
            return false;
    return true;
}

// Every section but [stayd] and the game's own, in the order in which they first come.
static void write_sections(FILE *out, const struct stay_options *options)
{
    for (size_t i = 0; i < options->n_settings; i++) {
        const char *section = options->settings[i].section;
        if (strcmp(section, "stayd") == 0 || is_game_section(options, section) ||
            !is_first_of_section(options, i))
            continue;
        fprintf(out, "\n[%s]\n", section);
        write_settings(out, options, section);
        if (is_listener(section) && !is_set(options, section, "game"))
            fprintf(out, "game = %s\n", options->game);
    }
}

char *stay_start_text(const struct stay_options *options, char *error, size_t error_size)
{
    char *text = NULL;
    size_t n_text;
    if (!check(options, error, error_size))
        return NULL;
    FILE *out = open_memstream(&text, &n_text);
    if (!out) {
        stay_words(error, error_size, "no memory");
        return NULL;
    }
    char section[sizeof "game " + STAY_MAX_NAME];
    snprintf(section, sizeof section, "game %s", options->game);
    fprintf(out,
            "# Written by the game \"%s\" when it starts stayd; change the game's settings "
            "instead.\n\n[stayd]\n",
            options->game);
    fprintf(out, "control = %s/" STAY_CONTROL "\n", options->directory);
    if (!is_set(options, "stayd", "log"))
        fprintf(out, "log = %s/" STAY_LOG "\n", options->directory);
    write_settings(out, options, "stayd");
    write_sections(out, options);
    fprintf(out, "\n[%s]\nconnect = unix:%s/" STAY_GAME_SOCKET "\nheader = proxy-v2\n", section,
            options->directory);
    write_settings(out, options, section);
    if (fclose(out) != 0) {
        free(text);
        stay_words(error, error_size, "no memory");
        return NULL;
    }
    return text;
}

bool stay_start_is_ours(const struct stay_options *options)
{
    return !options->stayd || options->stayd[0] != '\0';
}

bool stay_start(const struct stay_options *options, enum stay_start *how, char *said,
                size_t said_size, char *error, size_t error_size)
{
    said[0] = '\0';
    char *text = stay_start_text(options, error, error_size);
    if (!text)
        return false;
    const char *name = options->stayd ? options->stayd : "stayd";
    bool is_well =
        stay_launch(options->directory, name, text, how, said, said_size, error, error_size);
    free(text);
    return is_well;
}
