// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// minimush.conf. Held: a file that is refused has complaints, each a line that names the file and a
// line there is; one that is taken has none, its numbers are in their ranges, its paths absolute,
// and what it passes on to stayd has a section, a key and a value.
//
// Errors: abort.
#include "fuzz.h"
#include "settings.h"

static void hold_good(const struct settings *settings)
{
    hold(settings->name && settings->game && settings->directory);
    hold(settings->directory[0] == '/' && *settings->game && strlen(settings->game) <= 32);
    hold(settings->come_back_s >= 1 && settings->come_back_s <= 86400);
    hold(settings->lines_at_once >= 1 && settings->lines_a_second >= 1);
    hold(settings->password_cost >= 1 && settings->password_cost <= 11);
    hold(settings->n_stayd_settings <= SETTINGS_MAX_STAYD);
    for (size_t i = 0; i < settings->n_stayd_settings; i++) {
        const struct stay_setting *setting = &settings->stayd_setting[i];
        hold(*setting->section && *setting->key && *setting->value);
        hold(strcmp(setting->section, "game ") != 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings settings;
    struct fuzz_memory complaints;
    const char *path = fuzz_file(data, size);
    bool is_good = settings_load(&settings, path, fuzz_open(&complaints));
    char *said = fuzz_text(&complaints);
    hold(is_good == (fuzz_count_complaints(said, data, size) == 0));
    if (is_good)
        hold_good(&settings);
    settings_free(&settings);
    free(said);
    return 0;
}
