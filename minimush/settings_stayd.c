// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayd's part of the configuration (settings_stayd.h).
#include "settings_stayd.h"

#include "memory.h"

#include <stdint.h>
#include <string.h>

bool settings_add_stayd(struct settings *settings, const char *section, const char *key,
                        char *value)
{
    if (settings->n_stayd_settings == SETTINGS_MAX_STAYD) {
        free(value);
        return false;
    }
    settings->stayd_setting[settings->n_stayd_settings++] = (struct stay_setting){
        .section = must(strdup(section)), .key = must(strdup(key)), .value = value};
    return true;
}

void settings_free_stayd(struct settings *settings)
{
    for (size_t i = 0; i < settings->n_stayd_settings; i++) {
        const struct stay_setting *setting = &settings->stayd_setting[i];
        free((void *)(uintptr_t)setting->section);
        free((void *)(uintptr_t)setting->key);
        free((void *)(uintptr_t)setting->value);
    }
}

// stayd's section names allow less than a name that is shown.
static char *game_name(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    char *game = must(strndup(name, 32));
    for (char *at = game; *at != '\0'; at++)
        *at = strchr(allowed, *at) ? *at : '-';
    return game;
}

// Is it there already, given as stayd.SECTION.KEY or by a name of minimush's own?
static bool has_stayd(const struct settings *settings, const char *section, const char *key)
{
    for (size_t i = 0; i < settings->n_stayd_settings; i++) {
        const struct stay_setting *setting = &settings->stayd_setting[i];
        if (strcmp(setting->section, section) == 0 && (!key || strcmp(setting->key, key) == 0))
            return true;
    }
    return false;
}

static void add_default(struct settings *settings, const char *section, const char *key,
                        const char *value)
{
    if (!has_stayd(settings, section, key))
        settings_add_stayd(settings, section, key, must(strdup(value)));
}

// "game " becomes "game NAME".
static void name_game_sections(struct settings *settings, const char *game_section)
{
    for (size_t i = 0; i < settings->n_stayd_settings; i++) {
        struct stay_setting *setting = &settings->stayd_setting[i];
        if (strcmp(setting->section, "game ") == 0) {
            free((void *)(uintptr_t)setting->section);
            setting->section = must(strdup(game_section));
        }
    }
}

// That the game is back, a game that resumes says itself: it knows when everything is as it was.
void settings_add_stayd_defaults(struct settings *settings)
{
    char *section;
    settings->game = game_name(settings->name);
    must(asprintf(&section, "game %s", settings->game) < 0 ? NULL : section);
    name_game_sections(settings, section);
    if (has_stayd(settings, "listen tls", NULL)) {
        add_default(settings, "listen tls", "tls", "yes");
        add_default(settings, "listen tls", "client-certificates", "ask");
    }
    if (has_stayd(settings, "listen plain", NULL))
        add_default(settings, "listen plain", "tls", "no");
    add_default(settings, section, "away-text",
                "GAME: The game has stopped. You stay connected until it is back.");
    add_default(settings, section, "back-text",
                settings->resumes ? "off" : "GAME: The game is back.");
    free(section);
}
