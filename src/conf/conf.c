// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Parses the configuration: takes the text's sections and entries (read.c), finds
// each entry's option (options.def), sets it (value.c), fills in the defaults and
// has the whole checked (check.c).
//
// Errors: complaints; all mistakes of a file are said in one run.
#include "conf/conf.h"

#include "base/nearest.h"
#include "conf/option.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES (1u << 20)

// Of max-players, for one address.
#define SHARE 20u
#define SHARE_LEAST 10u

struct loader {
    struct conf *conf;
    struct conf_complaints *complaints;
    struct conf_places places;
    char *folder;
    // The section that entries go to; into == NULL: one that was complained about.
    enum conf_section section;
    void *into;
    int *lines;       // of its options
    int stayd_line;   // of [stayd], 0: not seen
    char **game_name; // of a listener: its entry in places.game_of
};

static const struct {
    const char *word;
    bool has_name;
} heads[CONF_N_SECTIONS] = {{"stayd", false}, {"listen", true}, {"game", true}};

static void begin_stayd(struct loader *loader, int line)
{
    if (loader->stayd_line) {
        conf_complain(loader->complaints, line,
                      "[stayd] stands on line %d already; put all its options there",
                      loader->stayd_line);
        return;
    }
    loader->stayd_line = line;
    loader->into = loader->conf;
    loader->lines = loader->places.stayd;
}

static void begin_listener(struct loader *loader, const char *name, int line)
{
    struct conf *conf = loader->conf;
    for (unsigned i = 0; i < conf->n_listeners; i++)
        if (strcmp(conf->listener[i].name, name) == 0) {
            conf_complain(loader->complaints, line,
                          "[listen %s] stands on line %d already; give this one another name", name,
                          conf->listener[i].line);
            return;
        }
    if (conf->n_listeners == CONF_MAX_LISTENERS) {
        conf_complain(loader->complaints, line, "too many listeners; at most %u are possible",
                      CONF_MAX_LISTENERS);
        return;
    }
    loader->lines = loader->places.listener[conf->n_listeners];
    loader->game_name = &loader->places.game_of[conf->n_listeners];
    struct conf_listener *listener = &conf->listener[conf->n_listeners++];
    strcpy(listener->name, name);
    listener->line = line;
    loader->into = listener;
}

static void begin_game(struct loader *loader, const char *name, int line)
{
    struct conf *conf = loader->conf;
    for (unsigned i = 0; i < conf->n_games; i++)
        if (strcmp(conf->game[i].name, name) == 0) {
            conf_complain(loader->complaints, line,
                          "[game %s] stands on line %d already; give this one another name", name,
                          conf->game[i].line);
            return;
        }
    if (conf->n_games == CONF_MAX_GAMES) {
        conf_complain(loader->complaints, line, "too many games; at most %u are possible",
                      CONF_MAX_GAMES);
        return;
    }
    loader->lines = loader->places.game[conf->n_games];
    struct conf_game *game = &conf->game[conf->n_games++];
    strcpy(game->name, name);
    game->line = line;
    loader->into = game;
}

// Names appear in log lines and messages, so they are plain words.
static bool is_name(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    return strspn(name, plain) == strlen(name) && strlen(name) < CONF_NAME_BYTES;
}

static void complain_section(struct loader *loader, const char *head, const char *word, int line)
{
    const char *const words[] = {heads[0].word, heads[1].word, heads[2].word};
    const char *nearest = nearest_find(word, words, CONF_N_SECTIONS);
    for (int i = 0; nearest && i < CONF_N_SECTIONS; i++)
        if (strcmp(nearest, heads[i].word) == 0) {
            conf_complain(loader->complaints, line, "unknown section [%s]; did you mean %s?", head,
                          conf_section_form((enum conf_section)i));
            return;
        }
    conf_complain(loader->complaints, line,
                  "unknown section [%s]; there are [stayd], [listen NAME] and [game NAME]", head);
}

static void take_section(void *user, const char *head, int line)
{
    struct loader *loader = user;
    size_t n_word = strcspn(head, " \t");
    const char *name = head + n_word + strspn(head + n_word, " \t");
    char *word = strndup(head, n_word);
    int section = 0;
    loader->into = NULL;
    loader->game_name = NULL;
    while (section < CONF_N_SECTIONS && strcmp(word, heads[section].word) != 0)
        section++;
    if (section == CONF_N_SECTIONS) {
        complain_section(loader, head, word, line);
    } else if (heads[section].has_name != (*name != '\0')) {
        conf_complain(loader->complaints, line, "[%s] %s; write %s", head,
                      *name ? "has a name, and can have none" : "has no name",
                      conf_section_form((enum conf_section)section));
    } else if (!is_name(name)) {
        conf_complain(loader->complaints, line,
                      "the name in [%s] is wrong; write at most %u letters, digits, - _ or .", head,
                      CONF_NAME_BYTES - 1);
    } else {
        loader->section = (enum conf_section)section;
        if (section == CONF_STAYD)
            begin_stayd(loader, line);
        else if (section == CONF_LISTEN)
            begin_listener(loader, name, line);
        else
            begin_game(loader, name, line);
    }
    free(word);
}

static void complain_key(struct loader *loader, const char *key, int line)
{
    const char *names[CONF_MAX_OPTIONS];
    unsigned n_names = 0;
    const char *here = conf_section_form(loader->section);
    for (unsigned i = 0; i < conf_n_options; i++) {
        if (conf_options[i].section == loader->section) {
            names[n_names++] = conf_options[i].key;
        } else if (strcmp(conf_options[i].key, key) == 0) {
            conf_complain(loader->complaints, line, "%s is no option of %s; it belongs into %s",
                          key, here, conf_section_form(conf_options[i].section));
            return;
        }
    }
    const char *nearest = nearest_find(key, names, n_names);
    if (nearest)
        conf_complain(loader->complaints, line, "unknown option %s; did you mean %s?", key,
                      nearest);
    else
        conf_complain(loader->complaints, line,
                      "unknown option %s; stayd --options lists those of %s", key, here);
}

static void take_entry(void *user, const char *key, const char *value, int line)
{
    struct loader *loader = user;
    if (!loader->into)
        return;
    const struct conf_option *option = conf_option_find(loader->section, key);
    if (!option) {
        complain_key(loader, key, line);
        return;
    }
    int *place = &loader->lines[option - conf_options];
    if (*place) {
        conf_complain(loader->complaints, line,
                      "%s stands on line %d already; write it once, lists with commas", key,
                      abs(*place));
        return;
    }
    *place = line;
    char plain[CONF_LINE_BYTES];
    snprintf(plain, sizeof plain, "%s", value);
    conf_plain(plain, option->kind == CONF_KIND_TEXT);
    if (option->kind == CONF_KIND_GAME && *plain)
        *loader->game_name = strdup(plain);
    else if (!conf_value_set(option, loader->into, plain, line, loader->folder, loader->complaints))
        *place = -line; // seen, but its default is still to be filled in
}

static void fill_section(struct loader *loader, enum conf_section section, void *into,
                         const int *lines)
{
    for (unsigned i = 0; i < conf_n_options; i++)
        if (conf_options[i].section == section && conf_options[i].preset && lines[i] <= 0)
            conf_value_set(&conf_options[i], into, conf_options[i].preset, 0, loader->folder,
                           loader->complaints);
}

static void fill_defaults(struct loader *loader)
{
    struct conf *conf = loader->conf;
    fill_section(loader, CONF_STAYD, conf, loader->places.stayd);
    for (unsigned i = 0; i < conf->n_listeners; i++)
        fill_section(loader, CONF_LISTEN, &conf->listener[i], loader->places.listener[i]);
    for (unsigned i = 0; i < conf->n_games; i++)
        fill_section(loader, CONF_GAME, &conf->game[i], loader->places.game[i]);
}

// One address of a crowd that may be there, but a family or a club in any case.
static void fill_share(struct loader *loader)
{
    struct conf *conf = loader->conf;
    const struct conf_option *option = conf_option_find(CONF_STAYD, "max-players-per-address");
    if (loader->places.stayd[option - conf_options] <= 0)
        conf->max_players_per_address =
            conf->max_players < SHARE * SHARE_LEAST ? SHARE_LEAST : conf->max_players / SHARE;
}

static void count_certificates(struct conf *conf)
{
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        struct conf_listener *listener = &conf->listener[i];
        while (listener->n_certificates < CONF_MAX_CERTIFICATES &&
               listener->certificate[listener->n_certificates])
            listener->n_certificates++;
    }
}

static char *folder_of(const char *path)
{
    char *copy = strdup(path);
    char *folder = strdup(dirname(copy));
    free(copy);
    return folder;
}

int conf_parse(struct conf *conf, const char *path, char *text, size_t n_text,
               struct conf_complaints *complaints)
{
    struct loader *loader = calloc(1, sizeof *loader);
    memset(conf, 0, sizeof *conf);
    conf->path = strdup(path);
    conf->text = text;
    conf->n_text = n_text;
    if (!loader || !conf->path) {
        free(loader);
        conf_complain(complaints, 0, "cannot be read: out of memory");
        conf_free(conf);
        return complaints->n;
    }
    loader->conf = conf;
    loader->complaints = complaints;
    loader->folder = folder_of(path);
    const struct conf_reader reader = {loader, take_section, take_entry};
    conf_read(text, n_text, &reader, complaints);
    bool was_read = complaints->n == 0 || loader->stayd_line || conf->n_listeners || conf->n_games;
    fill_defaults(loader);
    fill_share(loader);
    count_certificates(conf);
    if (was_read) // otherwise this is some other file
        conf_check(conf, &loader->places, complaints);
    for (unsigned i = 0; i < CONF_MAX_LISTENERS; i++)
        free(loader->places.game_of[i]);
    free(loader->folder);
    free(loader);
    if (complaints->n)
        conf_free(conf);
    return complaints->n;
}

int conf_load(struct conf *conf, const char *path, FILE *out)
{
    struct conf_complaints complaints = {.out = out, .path = path};
    size_t n_text = 0;
    memset(conf, 0, sizeof *conf);
    char *text = conf_slurp(path, FILE_MAX_BYTES, "a configuration file",
                            "give the path of a configuration file with -c", &n_text, &complaints);
    if (!text)
        return complaints.n;
    char *absolute = realpath(path, NULL);
    conf_parse(conf, absolute ? absolute : path, text, n_text, &complaints);
    free(absolute);
    return complaints.n;
}

static void free_list(struct conf_list *list)
{
    free(list->file);
    free(list->text);
    networks_free(&list->networks);
}

void conf_free(struct conf *conf)
{
    free_list(&conf->allow);
    free_list(&conf->deny);
    free_list(&conf->exempt);
    free(conf->path);
    free(conf->text);
    free(conf->control);
    free(conf->user);
    free(conf->upgrade_programs);
    free(conf->log);
    for (unsigned i = 0; i < CONF_MAX_NAME_SERVERS; i++)
        free(conf->name_server[i].text);
    for (unsigned i = 0; i < CONF_MAX_LISTENERS; i++) {
        struct conf_listener *listener = &conf->listener[i];
        for (unsigned j = 0; j < CONF_MAX_ADDRESSES; j++)
            free(listener->address[j].text);
        for (unsigned j = 0; j < CONF_MAX_CERTIFICATES; j++) {
            free(listener->certificate[j]);
            free(listener->key[j]);
        }
        networks_free(&listener->proxy);
        free(listener->client_ca);
        free(listener->alpn);
    }
    for (unsigned i = 0; i < CONF_MAX_GAMES; i++) {
        struct conf_game *game = &conf->game[i];
        free(game->connect);
        free(game->pid_file);
        free(game->user);
        for (unsigned j = 0; j < CONF_MAX_SNI; j++)
            free(game->sni[j]);
        for (unsigned j = 0; j < CONF_N_TEXTS; j++)
            free(game->text[j]);
    }
    memset(conf, 0, sizeof *conf);
}

bool conf_is_behind(const struct conf_listener *listener)
{
    return listener->proxy.n[0] + listener->proxy.n[1] > 0;
}
