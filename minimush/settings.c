// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reads minimush.conf with libinih (settings.h). inih gets its lines one by one from here, because
// as Debian builds it, it does not tell a line's number, and would cut a long one in two.
//
// Errors: complaints; the rest of the file is read on.
#include "settings.h"

#include "memory.h"
#include "password.h"
#include "settings_stayd.h"

#include <errno.h>
#include <ini.h>
#include <libgen.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct reader {
    struct settings *settings;
    FILE *file;
    FILE *complaints;
    const char *path;
    char *folder;
    int line; // 0: the file as a whole
    unsigned n_mistakes;
    bool has_listener;
};

enum kind { TEXT, FOLDER, PROGRAM, FLAG, NUMBER, STAYD, STAYD_FILES };

// Where a key's value goes: a member, or a setting of stayd's.
struct key {
    const char *name;
    enum kind kind;
    const char *section; // STAYD, STAYD_FILES
    const char *key;
    const char *help;
    size_t member; // FLAG, NUMBER: where in struct settings
    long least;    // NUMBER
    long most;
};

#define MEMBER(name) offsetof(struct settings, name)

static const struct key keys[] = {
    {.name = "name", .kind = TEXT, .help = "the game's name [Minimush]"},
    {.name = "directory",
     .kind = FOLDER,
     .help = "where world.db and the run directory stand [minimush-data]"},
    {.name = "tls-address",
     .kind = STAYD,
     .section = "listen tls",
     .key = "address",
     .help = "where players connect with TLS: ADDRESS:PORT, ..."},
    {.name = "plain-address",
     .kind = STAYD,
     .section = "listen plain",
     .key = "address",
     .help = "where players connect without TLS"},
    {.name = "certificate",
     .kind = STAYD_FILES,
     .section = "listen tls",
     .key = "certificate",
     .help = "PEM files, each a chain, ... [stayd makes one for trying]"},
    {.name = "key",
     .kind = STAYD_FILES,
     .section = "listen tls",
     .key = "key",
     .help = "PEM files of the keys [in the certificates' files]"},
    {.name = "client-certificates",
     .kind = STAYD,
     .section = "listen tls",
     .key = "client-certificates",
     .help = "ask players' programs for one, to log in by: ask, no [ask]"},
    {.name = "host-names",
     .kind = STAYD,
     .section = "stayd",
     .key = "host-names",
     .help = "look up players' host names: on, off, no-wait [on]"},
    {.name = "name-servers",
     .kind = STAYD,
     .section = "stayd",
     .key = "name-servers",
     .help = "whom to ask [the system's]"},
    {.name = "max-players",
     .kind = STAYD,
     .section = "stayd",
     .key = "max-players",
     .help = "how many can be connected at once [2000]"},
    {.name = "stayd",
     .kind = PROGRAM,
     .help = "the program [beside minimush or in the folder above, then PATH]"},
    {.name = "resume",
     .kind = FLAG,
     .member = MEMBER(resumes),
     .help = "after a crash players are where they were: yes, no [yes]"},
    {.name = "come-back",
     .kind = NUMBER,
     .member = MEMBER(come_back_s),
     .least = 1,
     .most = 86400,
     .help = "seconds without anybody coming back until the rest count as gone [60]"},
    {.name = "shutdown-holds",
     .kind = FLAG,
     .member = MEMBER(shutdown_holds),
     .help = "@shutdown keeps players, and stayd, for the next start: yes, no [no]"},
    {.name = "stop-stayd",
     .kind = FLAG,
     .member = MEMBER(stops_stayd),
     .help = "does @shutdown end stayd, too: yes, no [yes]"},
    {.name = "telnet-first",
     .kind = FLAG,
     .member = MEMBER(telnet_first),
     .help = "say three bytes of telnet to everybody who connects: yes, no [yes]"},
    {.name = "lines-at-once",
     .kind = NUMBER,
     .member = MEMBER(lines_at_once),
     .least = 1,
     .most = 1000000,
     .help = "a player's lines that are done at once [50]"},
    {.name = "lines-a-second",
     .kind = NUMBER,
     .member = MEMBER(lines_a_second),
     .least = 1,
     .most = 1000000,
     .help = "... and how many a second after that [20]"},
    {.name = "password-cost",
     .kind = NUMBER,
     .member = MEMBER(password_cost),
     .least = PASSWORD_MIN_COST,
     .most = PASSWORD_MAX_COST,
     .help = "how slow a password's hash is, 1 to 11 [4]"},
};

#define N_KEYS (sizeof keys / sizeof keys[0])
#define OWN_LINE_BYTES 512u

__attribute__((format(printf, 2, 3))) static void complain(struct reader *reader, const char *fmt,
                                                           ...)
{
    va_list args;
    fprintf(reader->complaints, "%s:", reader->path);
    if (reader->line > 0)
        fprintf(reader->complaints, "%d:", reader->line);
    fputc(' ', reader->complaints);
    va_start(args, fmt);
    vfprintf(reader->complaints, fmt, args);
    va_end(args);
    fputc('\n', reader->complaints);
    reader->n_mistakes++;
}

static char *absolute(const struct reader *reader, const char *name)
{
    char *path;
    if (name[0] == '/')
        return must(strdup(name));
    must(asprintf(&path, "%s/%s", reader->folder, name) < 0 ? NULL : path);
    return path;
}

static void add_stayd(struct reader *reader, const char *section, const char *key, char *value)
{
    if (!settings_add_stayd(reader->settings, section, key, value))
        complain(reader, "too many settings for stayd; at most %u", SETTINGS_MAX_STAYD);
}

// "a.pem, b.pem": each made absolute.
static char *absolute_list(const struct reader *reader, const char *names)
{
    char *list = must(strdup(""));
    char *copy = must(strdup(names));
    char *rest;
    for (char *name = strtok_r(copy, ", \t", &rest); name; name = strtok_r(NULL, ", \t", &rest)) {
        char *path = absolute(reader, name);
        char *longer;
        must(asprintf(&longer, "%s%s%s", list, list[0] != '\0' ? ", " : "", path) < 0 ? NULL
                                                                                      : longer);
        free(path);
        free(list);
        list = longer;
    }
    free(copy);
    return list;
}

static void set_text(char **member, char *value)
{
    free(*member);
    *member = value;
}

static void take_flag(struct reader *reader, const struct key *key, const char *value)
{
    bool is_yes = strcasecmp(value, "yes") == 0;
    if (!is_yes && strcasecmp(value, "no") != 0)
        complain(reader, "%s is \"%s\"; write yes or no", key->name, value);
    memcpy((char *)reader->settings + key->member, &is_yes, sizeof is_yes);
}

static void take_number(struct reader *reader, const struct key *key, const char *value)
{
    char *end;
    long number = strtol(value, &end, 10);
    if (*end != '\0' || number < key->least || number > key->most) {
        complain(reader, "%s is \"%s\"; write a number from %ld to %ld", key->name, value,
                 key->least, key->most);
        return;
    }
    int narrow = (int)number;
    memcpy((char *)reader->settings + key->member, &narrow, sizeof narrow);
}

// stayd.SECTION.KEY: anything that stayd has and minimush has no name for.
static void take_passed_on(struct reader *reader, const char *name, const char *value)
{
    const char *key = strrchr(name, '.') + 1;
    const char *section = name + strlen("stayd.");
    if (key - 1 <= section || *key == '\0') {
        complain(reader,
                 "%s: write stayd.SECTION.KEY = VALUE, as in stayd.listen tls.alpn = telnet", name);
        return;
    }
    char *head = must(strndup(section, (size_t)(key - 1 - section)));
    bool is_game = strcmp(head, "game") == 0; // its name is not for the admin to repeat
    if (is_game) {
        free(head);
        head = must(strdup("game "));
    }
    add_stayd(reader, head, key, must(strdup(value)));
    free(head);
}

static void take(struct reader *reader, const struct key *key, const char *value)
{
    struct settings *settings = reader->settings;
    switch (key->kind) {
    case TEXT:
        set_text(&settings->name, must(strdup(value)));
        break;
    case FOLDER:
        set_text(&settings->directory, absolute(reader, value));
        break;
    case PROGRAM:
        set_text(&settings->stayd,
                 strchr(value, '/') ? absolute(reader, value) : must(strdup(value)));
        break;
    case FLAG:
        take_flag(reader, key, value);
        break;
    case NUMBER:
        take_number(reader, key, value);
        break;
    case STAYD:
        reader->has_listener = reader->has_listener || strcmp(key->key, "address") == 0;
        add_stayd(reader, key->section, key->key, must(strdup(value)));
        break;
    case STAYD_FILES:
        add_stayd(reader, key->section, key->key, absolute_list(reader, value));
        break;
    }
}

static int on_entry(void *user, const char *section, const char *name, const char *value)
{
    struct reader *reader = user;
    (void)section;
    if (value[0] == '\0') {
        complain(reader, "%s has no value; take the line out or give one", name);
        return 1;
    }
    if (strncmp(name, "stayd.", 6) == 0) {
        take_passed_on(reader, name, value);
        return 1;
    }
    for (size_t i = 0; i < N_KEYS; i++) {
        if (strcmp(name, keys[i].name) == 0) {
            take(reader, &keys[i], value);
            return 1;
        }
    }
    complain(reader, "there is no \"%s\"; minimush --help lists what there is", name);
    return 1;
}

// What inih calls instead of fgets. Lines that it would misunderstand are settled here: it then
// sees an empty one.
static char *next_line(char *line, int line_size, void *stream)
{
    struct reader *reader = stream;
    char own[OWN_LINE_BYTES];
    if (!fgets(own, sizeof own, reader->file))
        return NULL;
    reader->line++;
    size_t n = strcspn(own, "\r\n");
    bool is_too_long = n >= (size_t)line_size - 1 || (own[n] == '\0' && !feof(reader->file));
    while (own[strcspn(own, "\n")] == '\0' && !feof(reader->file) &&
           fgets(own, sizeof own, reader->file))
        is_too_long = true;
    line[0] = '\0';
    if (is_too_long) {
        complain(reader, "this line is too long; at most %d bytes", line_size - 2);
        return line;
    }
    own[n] = '\0';
    const char *text = own + strspn(own, " \t");
    if (text[0] == '[')
        complain(reader, "there are no sections here; write KEY = VALUE");
    else if (text[0] != '\0' && text[0] != '#' && text[0] != ';' && !strchr(text, '='))
        complain(reader, "no = in this line; write KEY = VALUE, or begin a comment with #");
    else
        memcpy(line, text, strlen(text) + 1);
    return line;
}

static void complete(struct reader *reader)
{
    struct settings *settings = reader->settings;
    reader->line = 0;
    if (!settings->name)
        settings->name = must(strdup("Minimush"));
    if (!settings->directory)
        settings->directory = absolute(reader, "minimush-data");
    settings_add_stayd_defaults(settings);
    if (!reader->has_listener && reader->n_mistakes == 0)
        complain(reader, "nowhere for players to connect; give tls-address, for example "
                         "tls-address = [::]:4202, 0.0.0.0:4202");
}

static bool open_file(struct reader *reader, const char *path)
{
    reader->settings->path = realpath(path, NULL);
    reader->file = reader->settings->path ? fopen(reader->settings->path, "re") : NULL;
    if (!reader->file) {
        fprintf(reader->complaints, "%s: cannot be read: %s; give a configuration file with -c\n",
                path, strerror(errno));
        return false;
    }
    reader->folder = must(strdup(reader->settings->path));
    dirname(reader->folder);
    return true;
}

bool settings_load(struct settings *settings, const char *path, FILE *complaints)
{
    struct reader reader = {.settings = settings, .complaints = complaints, .path = path};
    *settings = (struct settings){.stops_stayd = true,
                                  .resumes = true,
                                  .telnet_first = true,
                                  .come_back_s = 60,
                                  .lines_at_once = 50,
                                  .lines_a_second = 20,
                                  .password_cost = 4};
    if (!open_file(&reader, path))
        return false;
    ini_parse_stream(next_line, &reader, on_entry, &reader);
    complete(&reader);
    fclose(reader.file);
    free(reader.folder);
    return reader.n_mistakes == 0;
}

void settings_free(struct settings *settings)
{
    free(settings->path);
    free(settings->name);
    free(settings->game);
    free(settings->directory);
    free(settings->stayd);
    settings_free_stayd(settings);
}

void settings_print(FILE *out)
{
    for (size_t i = 0; i < N_KEYS; i++)
        fprintf(out, "  %-19s %s\n", keys[i].name, keys[i].help);
    fprintf(out, "  %-19s %s\n", "stayd.SECTION.KEY", "any other option of stayd's");
}
