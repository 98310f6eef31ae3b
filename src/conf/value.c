// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reads one option's value from its text, by the option's kind. Defaults go the
// same way as what is written in the file.
//
// Errors: a complaint and false; the target is not changed.
#include "base/address.h"
#include "base/host.h"
#include "conf/option.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

struct value {
    const struct conf_option *option;
    const char *text;
    int line;
    const char *folder;
    struct conf_complaints *complaints;
};

// "KEY = VALUE is wrong; right"
static bool refuse(const struct value *value, const char *wrong, const char *right)
{
    conf_complain(value->complaints, value->line, "%s = %s: %s; %s", value->option->key,
                  value->text, wrong, right);
    return false;
}

static bool refuse_quote(const struct value *value)
{
    return refuse(value, "a quote that is not around the whole",
                  "remove it (a blank and a ; begin a comment also between quotes)");
}

static bool refuse_range(const struct value *value, const char *wrong)
{
    char range[CONF_RANGE_TEXT_BYTES], right[CONF_RANGE_TEXT_BYTES + 16];
    snprintf(right, sizeof right, "write %s%s",
             value->option->low == value->option->high ? "1, " : "",
             conf_range_print(range, value->option));
    return refuse(value, wrong, right);
}

// Digits at the start of text; *rest is what follows. False: none, or too many.
static bool read_digits(const char *text, uint64_t *number, const char **rest)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    errno = 0;
    *number = strtoull(text, &end, 10);
    *rest = end;
    return errno == 0;
}

static bool set_number(const struct value *value, uint32_t *into)
{
    uint64_t number;
    const char *rest;
    if (!read_digits(value->text, &number, &rest) || *rest)
        return refuse_range(value, "not a number");
    if (number < value->option->low || number > value->option->high)
        return refuse_range(value, "out of range");
    *into = (uint32_t)number;
    return true;
}

static bool set_limit(const struct value *value, uint32_t *into)
{
    if (strcasecmp(value->text, "no") != 0)
        return set_number(value, into);
    *into = 0;
    return true;
}

static bool set_time(const struct value *value, uint64_t *into)
{
    static const struct {
        const char *name;
        uint64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    const bool may_be_forever = value->option->high == CONF_FOREVER;
    uint64_t number, time_ms = 0;
    const char *rest;
    if (may_be_forever && strcmp(value->text, "forever") == 0) {
        *into = CONF_FOREVER;
        return true;
    }
    if (!read_digits(value->text, &number, &rest))
        return refuse(value, "not a time",
                      may_be_forever ? "write 500ms, 10s, 5m, 2h, 1d or forever"
                                     : "write 500ms, 10s, 5m, 2h or 1d");
    rest += strspn(rest, " \t");
    bool has_unit = number == 0 && *rest == '\0';
    for (unsigned i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(rest, units[i].name) == 0) {
            has_unit = true;
            if (__builtin_mul_overflow(number, units[i].ms, &time_ms))
                return refuse_range(value, "out of range");
        }
    if (!has_unit)
        return refuse(value, *rest ? "not a unit of time" : "a time without a unit",
                      "write 500ms, 10s, 5m, 2h or 1d");
    if (time_ms < value->option->low || time_ms > value->option->high)
        return refuse_range(value, "out of range");
    *into = time_ms;
    return true;
}

static bool set_flag(const struct value *value, bool *into)
{
    static const char *const words[2][3] = {{"no", "off", "false"}, {"yes", "on", "true"}};
    for (int is_on = 0; is_on < 2; is_on++)
        for (int i = 0; i < 3; i++)
            if (strcasecmp(value->text, words[is_on][i]) == 0) {
                *into = is_on;
                return true;
            }
    return refuse(value, "neither yes nor no", "write yes or no");
}

static bool set_choice(const struct value *value, unsigned *into)
{
    const char *const *choices = value->option->choices;
    for (unsigned place = 0; choices[place]; place++)
        if (strcasecmp(choices[place], value->text) == 0) {
            *into = place;
            return true;
        }
    char form[CONF_FORM_TEXT_BYTES], right[CONF_FORM_TEXT_BYTES + 16];
    snprintf(right, sizeof right, "write one of %s", conf_form_print(form, value->option));
    return refuse(value, "no such choice", right);
}

static bool set_tls_version(const struct value *value, uint16_t *into)
{
    unsigned place;
    if (!set_choice(value, &place))
        return false;
    *into = (uint16_t)(0x0303 + place);
    return true;
}

static void set_text(char **into, char *text)
{
    free(*into);
    *into = text;
}

static bool set_path(const struct value *value, char **into)
{
    if (*value->text != '/')
        return refuse(value, "not an absolute path", "begin it with /");
    if (strlen(value->text) > value->option->high)
        return refuse_range(value, "too long for a socket's path");
    set_text(into, strdup(value->text));
    return true;
}

static bool set_log(const struct value *value, char **into)
{
    if (*value->text != '/' && strcmp(value->text, "stderr") != 0 &&
        strcmp(value->text, "syslog") != 0)
        return refuse(value, "no such target", "write stderr, syslog or an absolute path");
    set_text(into, strdup(value->text));
    return true;
}

// A game's user is known by number from here on: a running process must not wait for a directory
// service.
static bool set_user(const struct value *value, void *section, char **into)
{
    if (value->complaints->is_copy) {
        set_text(into, strdup(value->text));
        return true;
    }
    const struct passwd *user = getpwnam(value->text);
    if (!user)
        return refuse(value, "there is no such user",
                      "make one (useradd --system), or leave the option out");
    if (value->option->section == CONF_GAME) {
        struct conf_game *game = section;
        game->user_uid = user->pw_uid;
        game->has_user = true;
    }
    set_text(into, strdup(value->text));
    return true;
}

static char *make_absolute(const struct value *value, const char *file)
{
    char *path = NULL;
    if (*file == '/')
        return strdup(file);
    return asprintf(&path, "%s/%s", value->folder, file) < 0 ? NULL : path;
}

// Call fn for each entry of a comma separated list; blanks are trimmed. False: an entry is empty,
// there are too many (`high`, if not 0), or fn said so.
static bool each_entry(const struct value *value,
                       bool (*fn)(const struct value *, const char *, void *), void *arg)
{
    const char *at = value->text;
    for (uint64_t n = 0;; n++) {
        char entry[CONF_LINE_BYTES];
        at += strspn(at, " \t");
        size_t n_all = strcspn(at, ","), n_entry = n_all;
        while (n_entry && isspace((unsigned char)at[n_entry - 1]))
            n_entry--;
        memcpy(entry, at, n_entry);
        entry[n_entry] = '\0';
        if (!conf_unquote(entry))
            return refuse_quote(value);
        if (*entry == '\0')
            return refuse(value, "an empty entry in the list", "write ENTRY, ENTRY");
        if (value->option->high && n == value->option->high)
            return refuse_range(value, "too many entries");
        if (!fn(value, entry, arg))
            return false;
        if (at[n_all] == '\0')
            return true;
        at += n_all + 1;
    }
}

struct address_list {
    struct conf_address *address;
    unsigned n;
    uint16_t default_port;
};

static bool add_address(const struct value *value, const char *entry, void *arg)
{
    struct address_list *list = arg;
    struct conf_address *address = &list->address[list->n];
    const char *wrong =
        address_parse(entry, list->default_port, &address->sockaddr, &address->sockaddr_bytes);
    if (wrong) {
        conf_complain(value->complaints, value->line, "%s = %s: %s", value->option->key, entry,
                      wrong);
        return false;
    }
    address->text = strdup(entry);
    list->n++;
    return true;
}

static bool set_addresses(const struct value *value, void *section)
{
    struct conf *conf = section;
    struct conf_listener *listener = section;
    struct address_list list = {.address = conf->name_server, .default_port = 53};
    if (value->option->section == CONF_LISTEN)
        list = (struct address_list){.address = listener->address};
    bool is_right = each_entry(value, add_address, &list);
    // Entries before a mistaken one are kept, so that conf_free frees them.
    if (value->option->section == CONF_LISTEN)
        listener->n_addresses = list.n;
    else
        conf->n_name_servers = list.n;
    return is_right;
}

static bool add_file(const struct value *value, const char *entry, void *arg)
{
    char ***at = arg;
    *(*at)++ = make_absolute(value, entry);
    return true;
}

// RFC 7301, section 3.1: 1 to 255 bytes a name, the list not over 65535.
static bool add_alpn(const struct value *value, const char *entry, void *arg)
{
    char **at = arg;
    if (strlen(entry) > 255)
        return refuse(value, "a name is longer than 255 bytes", "shorten it");
    *at = stpcpy(stpcpy(*at, entry), ",");
    return true;
}

static bool set_alpn(const struct value *value, char **into)
{
    char names[CONF_LINE_BYTES + 2] = "";
    char *at = names;
    if (!each_entry(value, add_alpn, &at))
        return false;
    at[-1] = '\0';
    set_text(into, strdup(names));
    return true;
}

// Lower case, as names are compared (RFC 6066, section 3). A wildcard is a whole first label.
static bool add_host(const struct value *value, const char *entry, void *arg)
{
    char ***at = arg;
    const char *name = strncmp(entry, "*.", 2) == 0 ? entry + 2 : entry;
    char *host = strndup(entry, host_length(entry));
    for (char *c = host; c && *c; c++)
        *c = (char)tolower((unsigned char)*c);
    *(*at)++ = host; // right or wrong: conf_free frees it
    return (*name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."
                                  "_") == strlen(name)) ||
           refuse(value, "not a host name",
                  "write letters, digits, - and ., perhaps *. before them");
}

// All addresses are no network of balancers: then whoever comes could say where from.
static bool add_network(const struct value *value, const char *entry, void *arg)
{
    struct network network;
    const char *wrong = network_parse(entry, &network);
    if (!wrong && network.bits == (address_is_ipv4(network.address) ? 96 : 0))
        wrong = "so whoever comes could say that it is somebody else; name the balancers";
    if (!wrong && networks_add(arg, &network))
        return true;
    conf_complain(value->complaints, value->line, "%s = %s: %s", value->option->key, entry,
                  wrong ? wrong : "out of memory; try again");
    return false;
}

static bool set_networks(const struct value *value, struct networks *into)
{
    bool is_right = each_entry(value, add_network, into);
    networks_sort(into);
    return is_right;
}

static bool add_path(const struct value *value, const char *entry, void *arg)
{
    char **at = arg;
    if (*entry != '/')
        return refuse(value, "not an absolute path", "begin each with /");
    *at = stpcpy(stpcpy(*at, entry), ",");
    return true;
}

static bool set_paths(const struct value *value, char **into)
{
    char paths[CONF_LINE_BYTES + 2] = "";
    char *at = paths;
    if (!each_entry(value, add_path, &at))
        return false;
    at[-1] = '\0';
    set_text(into, strdup(paths));
    return true;
}

static bool set_line(const struct value *value, char **into)
{
    if (strcmp(value->text, "off") == 0) {
        set_text(into, strdup(""));
        return true;
    }
    if (strlen(value->text) > value->option->high)
        return refuse_range(value, "too long");
    for (const char *c = value->text; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7f)
            return refuse(value, "a control character", "write one line of text");
    set_text(into, strdup(value->text));
    return true;
}

static bool set_connect(const struct value *value, struct conf_game *game)
{
    static const char *const right = "write unix:/PATH or tcp:127.0.0.1:PORT";
    struct sockaddr_storage address = {.ss_family = AF_UNIX};
    socklen_t n_bytes = sizeof(struct sockaddr_un);
    if (strncmp(value->text, "unix:", 5) == 0) {
        struct sockaddr_un *un = (struct sockaddr_un *)&address;
        if (value->text[5] != '/')
            return refuse(value, "not an absolute path", right);
        if (strlen(value->text + 5) >= sizeof un->sun_path)
            return refuse(value, "too long for a socket's path", "107 bytes are possible");
        strcpy(un->sun_path, value->text + 5);
    } else if (strncmp(value->text, "tcp:", 4) == 0) {
        const char *wrong = address_parse(value->text + 4, 0, &address, &n_bytes);
        if (wrong) {
            conf_complain(value->complaints, value->line, "connect = %s: %s", value->text, wrong);
            return false;
        }
        if (!address_is_loopback((const struct sockaddr *)&address))
            return refuse(value, "an address of another machine, and this link is not encrypted",
                          "run stayd beside the game and write tcp:127.0.0.1:PORT, tcp:[::1]:PORT "
                          "or unix:/PATH");
    } else {
        return refuse(value, "neither unix: nor tcp:", right);
    }
    game->sockaddr = address;
    game->sockaddr_bytes = n_bytes;
    set_text(&game->connect, strdup(value->text));
    return true;
}

// Lists' entries are looked at one by one, and in a text quotes may be meant.
static bool has_stray_quote(enum conf_kind kind, const char *text)
{
    bool is_single = kind != CONF_KIND_TEXT && kind != CONF_KIND_ADDRESSES &&
                     kind != CONF_KIND_FILES && kind != CONF_KIND_ALPN && kind != CONF_KIND_HOSTS &&
                     kind != CONF_KIND_NETWORKS;
    return is_single && (strchr("\"'", *text) || strchr("\"'", text[strlen(text) - 1]));
}

bool conf_value_set(const struct conf_option *option, void *into, const char *text, int line,
                    const char *folder, struct conf_complaints *complaints)
{
    const struct value value = {option, text, line, folder, complaints};
    void *member = (char *)into + option->offset;
    if (*text == '\0') {
        char form[CONF_FORM_TEXT_BYTES];
        conf_complain(complaints, line, "%s has no value; write %s = %s", option->key, option->key,
                      conf_form_print(form, option));
        return false;
    }
    if (has_stray_quote(option->kind, text))
        return refuse_quote(&value);
    switch (option->kind) {
    case CONF_KIND_PATH:
        return set_path(&value, member);
    case CONF_KIND_PATHS:
        return set_paths(&value, member);
    case CONF_KIND_USER:
        return set_user(&value, into, member);
    case CONF_KIND_NUMBER:
        return set_number(&value, member);
    case CONF_KIND_LIMIT:
        return set_limit(&value, member);
    case CONF_KIND_TIME:
        return set_time(&value, member);
    case CONF_KIND_FLAG:
        return set_flag(&value, member);
    case CONF_KIND_CHOICE:
        return set_choice(&value, member);
    case CONF_KIND_TLS_VERSION:
        return set_tls_version(&value, member);
    case CONF_KIND_LOG:
        return set_log(&value, member);
    case CONF_KIND_ADDRESSES:
        return set_addresses(&value, into);
    case CONF_KIND_FILE:
        set_text(member, make_absolute(&value, text));
        return true;
    case CONF_KIND_FILES: {
        char **at = member;
        return each_entry(&value, add_file, &at);
    }
    case CONF_KIND_HOSTS: {
        char **at = member;
        return each_entry(&value, add_host, &at);
    }
    case CONF_KIND_NETWORKS:
        return set_networks(&value, member);
    case CONF_KIND_TEXT:
        return set_line(&value, member);
    case CONF_KIND_ALPN:
        return set_alpn(&value, member);
    case CONF_KIND_CONNECT:
        return set_connect(&value, into);
    case CONF_KIND_GAME: // conf.c keeps the name until all games are known
        break;
    }
    return false;
}
