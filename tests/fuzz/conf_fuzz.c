// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The configuration file. Held: a file with mistakes has as many complaints as were counted, each a
// line that names the file and a line there is, and leaves nothing behind; one without is within
// its bounds, and written anew by the table of options, or taken from a copy, it means the same.
//
// Errors: abort.
#include "conf/copy.h"
#include "conf/option.h"
#include "fuzz.h"

static void write_list(FILE *out, char *const *entry, uint64_t high)
{
    for (uint64_t i = 0; i < high && entry[i]; i++)
        fprintf(out, "%s%s", i ? ", " : "", entry[i]);
}

static const struct conf_address *find_addresses(const struct conf_option *option,
                                                 const void *section, unsigned *n)
{
    const struct conf *conf = section;
    const struct conf_listener *listener = section;
    const bool is_listener = option->section == CONF_LISTEN;
    *n = is_listener ? listener->n_addresses : conf->n_name_servers;
    return is_listener ? listener->address : conf->name_server;
}

static void write_addresses(FILE *out, const struct conf_option *option, const void *section)
{
    unsigned n;
    const struct conf_address *address = find_addresses(option, section, &n);
    for (unsigned i = 0; i < n; i++)
        fprintf(out, "%s%s", i ? ", " : "", address[i].text);
}

static void write_choice(FILE *out, const char *const *choices, unsigned place)
{
    for (unsigned i = 0; i <= place; i++)
        hold(choices[i] != NULL);
    fputs(choices[place], out);
}

// What has no default may not be there; and some make no sense without TLS.
static bool is_there(const struct conf_option *option, const void *section)
{
    const struct conf_listener *listener = section;
    unsigned n;
    if (option->section == CONF_LISTEN && !listener->is_tls &&
        (strcmp(option->key, "client-certificates") == 0 || strcmp(option->key, "tls-min") == 0))
        return false;
    if (option->kind == CONF_KIND_ADDRESSES)
        return find_addresses(option, section, &n) && n > 0;
    return option->preset || option->kind == CONF_KIND_GAME || option->kind == CONF_KIND_LIMIT ||
           *(char *const *)(const void *)((const char *)section + option->offset);
}

// The value as a person would write it.
static void write_value(FILE *out, const struct conf *conf, const struct conf_option *option,
                        const void *section)
{
    char text[CONF_TIME_TEXT_BYTES];
    const void *member = (const char *)section + option->offset;
    switch (option->kind) {
    case CONF_KIND_NUMBER:
    case CONF_KIND_LIMIT:
        hold(*(const uint32_t *)member >= option->low && *(const uint32_t *)member <= option->high);
        fprintf(out, "%u", *(const uint32_t *)member);
        break;
    case CONF_KIND_TIME:
        hold(*(const uint64_t *)member >= option->low && *(const uint64_t *)member <= option->high);
        fputs(conf_time_print(text, *(const uint64_t *)member), out);
        break;
    case CONF_KIND_FLAG:
        fputs(*(const bool *)member ? "yes" : "no", out);
        break;
    case CONF_KIND_CHOICE:
        write_choice(out, option->choices, *(const unsigned *)member);
        break;
    case CONF_KIND_TLS_VERSION:
        write_choice(out, option->choices, *(const uint16_t *)member - 0x0303u);
        break;
    case CONF_KIND_ADDRESSES:
        write_addresses(out, option, section);
        break;
    case CONF_KIND_FILES:
    case CONF_KIND_HOSTS:
        write_list(out, member, option->high);
        break;
    case CONF_KIND_GAME:
        hold(*(const unsigned *)member < conf->n_games);
        fputs(conf->game[*(const unsigned *)member].name, out);
        break;
    case CONF_KIND_TEXT:
        hold(strlen(*(char *const *)member) <= option->high);
        fputs(**(char *const *)member ? *(char *const *)member : "off", out);
        break;
    default:
        fputs(*(char *const *)member, out);
    }
}

static void write_section(FILE *out, const struct conf *conf, enum conf_section section,
                          const void *from)
{
    for (unsigned i = 0; i < conf_n_options; i++) {
        const struct conf_option *option = &conf_options[i];
        if (option->section != section || !is_there(option, from))
            continue;
        fprintf(out, "%s = ", option->key);
        write_value(out, conf, option, from);
        fputc('\n', out);
    }
}

static char *write_anew(const struct conf *conf)
{
    struct fuzz_memory memory;
    FILE *out = fuzz_open(&memory);
    fprintf(out, "[stayd]\n");
    write_section(out, conf, CONF_STAYD, conf);
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        fprintf(out, "[listen %s]\n", conf->listener[i].name);
        write_section(out, conf, CONF_LISTEN, &conf->listener[i]);
    }
    for (unsigned i = 0; i < conf->n_games; i++) {
        fprintf(out, "[game %s]\n", conf->game[i].name);
        write_section(out, conf, CONF_GAME, &conf->game[i]);
    }
    return fuzz_text(&memory);
}

// A name leads to one game at most, and to its listener's own in any case.
static void hold_name(const struct conf *conf, const char *name, unsigned most)
{
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        unsigned plain = conf_game_for(conf, &conf->listener[i], name, 0);
        unsigned newest = conf_game_for(conf, &conf->listener[i], name, 0x0304);
        hold(newest <= most || newest == CONF_NO_GAME);
        hold(plain == newest || plain == CONF_NO_GAME);
        hold(newest != CONF_NO_GAME || conf->listener[i].game != most);
    }
}

// Each listener is for a game that there is, and a name leads to one.
static void hold_good(const struct conf *conf)
{
    hold(conf->n_listeners > 0 && conf->n_listeners <= CONF_MAX_LISTENERS);
    hold(conf->n_games > 0 && conf->n_games <= CONF_MAX_GAMES);
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        hold(conf->listener[i].n_addresses > 0);
        hold(conf_game_for(conf, &conf->listener[i], NULL, 0) == conf->listener[i].game);
    }
    for (unsigned i = 0; i < conf->n_games; i++)
        for (unsigned j = 0; j < CONF_MAX_SNI && conf->game[i].sni[j]; j++)
            hold_name(conf, conf->game[i].sni[j], i);
}

static void load_anew(const struct conf *conf)
{
    struct conf again;
    struct fuzz_memory complaints;
    char *text = write_anew(conf);
    const char *path = fuzz_file(text, strlen(text));
    hold(conf_load(&again, path, fuzz_open(&complaints)) == 0);
    char *text_again = write_anew(&again);
    hold(strcmp(text, text_again) == 0);
    conf_free(&again);
    free(fuzz_text(&complaints));
    free(text);
    free(text_again);
}

// Lists are not read here, so a configuration that names some has no copy.
static void copy_anew(const struct conf *conf)
{
    static struct conf again;
    struct fuzz_memory copy, complaints;
    bool has_lists = conf->allow.file || conf->deny.file || conf->exempt.file;
    hold(conf_copy_write(conf, fuzz_open(&copy)) == !has_lists);
    char *bytes = fuzz_text(&copy);
    if (!has_lists) {
        hold(conf_copy_read(&again, bytes, copy.n, fuzz_open(&complaints)) == 0);
        free(fuzz_text(&complaints));
        char *text = write_anew(conf);
        char *text_again = write_anew(&again);
        hold(strcmp(text, text_again) == 0 && conf_is_same(conf, &again));
        conf_free(&again);
        free(text);
        free(text_again);
    }
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct conf empty;
    static struct conf conf;
    struct fuzz_memory complaints;
    const char *path = fuzz_file(data, size);
    int n_mistakes = conf_load(&conf, path, fuzz_open(&complaints));
    char *said = fuzz_text(&complaints);
    hold(fuzz_count_complaints(said, data, size) == n_mistakes);
    free(said);
    if (n_mistakes > 0) {
        hold(memcmp(&conf, &empty, sizeof conf) == 0);
        return 0;
    }
    hold_good(&conf);
    load_anew(&conf);
    copy_anew(&conf);
    conf_free(&conf);
    return 0;
}
