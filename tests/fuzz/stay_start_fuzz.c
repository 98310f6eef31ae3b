// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// stayd's configuration as libstay writes it of a game's settings, whatever these are. Held: what
// is refused is said why; what is taken is read by stayd as exactly these sections, keys and
// values, and none beside libstay's own.
//
// Input: the game's name, a line; then three lines a setting: section, key, value.
//
// Errors: abort.
#include "conf/option.h"
#include "fuzz.h"
#include "place.h"
#include "start.h"

#define SETTINGS_MAX 16u

struct read_entry {
    char section[CONF_LINE_BYTES];
    char key[CONF_LINE_BYTES];
    char value[CONF_LINE_BYTES];
};

static struct {
    struct read_entry entry[2 * SETTINGS_MAX + 8]; // each listener is given its game
    unsigned n;
    char section[CONF_LINE_BYTES];
} seen;

static void on_section(void *user, const char *head, int line)
{
    (void)user;
    (void)line;
    strcpy(seen.section, head);
}

static void on_entry(void *user, const char *key, const char *value, int line)
{
    (void)user;
    (void)line;
    hold(seen.n < sizeof seen.entry / sizeof *seen.entry);
    struct read_entry *entry = &seen.entry[seen.n++];
    strcpy(entry->section, seen.section);
    strcpy(entry->key, key);
    strcpy(entry->value, value);
    conf_plain(entry->value, false);
}

// Of entries that say the same, each counts for one setting.
static void take_away(const char *section, const char *key, const char *value)
{
    for (unsigned i = 0; i < seen.n; i++) {
        struct read_entry *entry = &seen.entry[i];
        if (strcmp(entry->section, section) == 0 && strcmp(entry->key, key) == 0 &&
            strcmp(entry->value, value) == 0) {
            *entry = seen.entry[--seen.n];
            return;
        }
    }
    abort();
}

// libstay's own: control, log, connect, header, and the game of each listener.
static void hold_own(const char *game)
{
    char section[CONF_LINE_BYTES];
    snprintf(section, sizeof section, "game %s", game);
    take_away("stayd", "control", "/run/game/" STAY_CONTROL);
    take_away(section, "connect", "unix:/run/game/" STAY_GAME_SOCKET);
    take_away(section, "header", "proxy-v2");
    for (unsigned i = 0; i < seen.n; i++) {
        const struct read_entry *entry = &seen.entry[i];
        hold((strcmp(entry->section, "stayd") == 0 && strcmp(entry->key, "log") == 0) ||
             (strncmp(entry->section, "listen ", 7) == 0 && strcmp(entry->key, "game") == 0 &&
              strcmp(entry->value, game) == 0));
    }
}

static void read_back(const struct stay_options *options, const char *text)
{
    const struct conf_reader reader = {NULL, on_section, on_entry};
    struct fuzz_memory said;
    struct conf_complaints complaints = {.out = fuzz_open(&said), .path = "x"};
    seen.n = 0;
    conf_read(text, strlen(text), &reader, &complaints);
    free(fuzz_text(&said));
    if (complaints.n > 0)
        return; // a line that is too long
    for (size_t i = 0; i < options->n_settings; i++)
        take_away(options->settings[i].section, options->settings[i].key,
                  options->settings[i].value);
    hold_own(options->game);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    char *line[1 + 3 * SETTINGS_MAX];
    struct stay_setting setting[SETTINGS_MAX];
    char error[STAY_ERROR_BYTES] = "";
    unsigned n_lines = 1;
    line[0] = fuzz_line(&input);
    struct stay_options options = {.game = line[0], .directory = "/run/game", .settings = setting};
    while (input.n > 0 && options.n_settings < SETTINGS_MAX) {
        for (int i = 0; i < 3; i++)
            line[n_lines++] = fuzz_line(&input);
        setting[options.n_settings++] =
            (struct stay_setting){line[n_lines - 3], line[n_lines - 2], line[n_lines - 1]};
    }
    char *text = stay_start_text(&options, error, sizeof error);
    hold((text != NULL) == (error[0] == '\0'));
    if (text)
        read_back(&options, text);
    free(text);
    while (n_lines > 0)
        free(line[--n_lines]);
    return 0;
}
