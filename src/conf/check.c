// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Checks that concern more than one option: what is missing, what contradicts, which
// addresses collide, and which game a listener belongs to.
//
// Errors: complaints.
#include "base/address.h"
#include "base/nearest.h"
#include "conf/option.h"

#include <stdlib.h>
#include <string.h>

static int line_of(const int *lines, enum conf_section section, const char *key, int otherwise)
{
    int line = lines[conf_option_find(section, key) - conf_options];
    return line ? abs(line) : otherwise;
}

static void check_required(enum conf_section section, const char *name, int section_line,
                           const int *lines, struct conf_complaints *complaints)
{
    char form[CONF_FORM_TEXT_BYTES];
    for (unsigned i = 0; i < conf_n_options; i++) {
        const struct conf_option *option = &conf_options[i];
        if (option->section == section && !option->preset && !lines[i] &&
            strcmp(option->absent, "required") == 0)
            conf_complain(complaints, section_line, "[%s %s] has no %s; add %s = %s",
                          section == CONF_LISTEN ? "listen" : "game", name, option->key,
                          option->key, conf_form_print(form, option));
    }
}

static void check_plain(const struct conf_listener *listener, const int *lines,
                        struct conf_complaints *complaints)
{
    static const char *const tls_keys[] = {"certificate", "key",  "client-certificates",
                                           "client-ca",   "alpn", "tls-min"};
    for (unsigned i = 0; i < sizeof tls_keys / sizeof tls_keys[0]; i++) {
        int line = line_of(lines, CONF_LISTEN, tls_keys[i], 0);
        if (line)
            conf_complain(complaints, line,
                          "%s means nothing with tls = no; remove it, or write tls = yes in "
                          "[listen %s]",
                          tls_keys[i], listener->name);
    }
}

static void check_tls(const struct conf_listener *listener, const int *lines,
                      struct conf_complaints *complaints)
{
    unsigned n_keys = 0;
    while (n_keys < CONF_MAX_CERTIFICATES && listener->key[n_keys])
        n_keys++;
    if (n_keys && n_keys != listener->n_certificates)
        conf_complain(
            complaints, line_of(lines, CONF_LISTEN, "key", listener->line),
            "%u key file%s for %u certificate file%s; name one key for each certificate, in "
            "the same order, or none if the keys stand in the certificates' files",
            n_keys, n_keys == 1 ? "" : "s", listener->n_certificates,
            listener->n_certificates == 1 ? "" : "s");
    if (listener->client_ca && listener->client_certificates == CONF_CLIENT_CERTIFICATES_NO)
        conf_complain(complaints, line_of(lines, CONF_LISTEN, "client-ca", listener->line),
                      "client-ca without asking for certificates; add client-certificates = ask");
    if (!listener->client_ca && listener->client_certificates == CONF_CLIENT_CERTIFICATES_REQUIRE)
        conf_complain(
            complaints, line_of(lines, CONF_LISTEN, "client-certificates", listener->line),
            "nobody could get in, because no certificate is trusted; add client-ca = FILE");
}

static void find_game(const struct conf *conf, struct conf_listener *listener, const int *lines,
                      const char *name, struct conf_complaints *complaints)
{
    const char *names[CONF_MAX_GAMES];
    int line = line_of(lines, CONF_LISTEN, "game", listener->line);
    listener->game = 0;
    if (!name) {
        // An empty `game =` was complained about, and so will be the lack of any game.
        if (conf->n_games > 1 && line == listener->line)
            conf_complain(complaints, line,
                          "[listen %s] does not say which of the %u games it is for; add game = %s",
                          listener->name, conf->n_games, conf->game[0].name);
        return;
    }
    for (unsigned i = 0; i < conf->n_games; i++) {
        names[i] = conf->game[i].name;
        if (strcmp(names[i], name) == 0) {
            listener->game = i;
            return;
        }
    }
    const char *nearest = nearest_find(name, names, conf->n_games);
    if (nearest)
        conf_complain(complaints, line, "there is no [game %s]; did you mean %s?", name, nearest);
    else
        conf_complain(complaints, line, "there is no [game %s]; add that section", name);
}

// A name that leads to two games leads to the first only.
static void check_sni(const struct conf *conf, unsigned n, const int *lines,
                      struct conf_complaints *complaints)
{
    for (unsigned i = 0; i < CONF_MAX_SNI && conf->game[n].sni[i]; i++)
        for (unsigned j = 0; j < n; j++)
            for (unsigned k = 0; k < CONF_MAX_SNI && conf->game[j].sni[k]; k++)
                if (strcmp(conf->game[n].sni[i], conf->game[j].sni[k]) == 0)
                    conf_complain(complaints, line_of(lines, CONF_GAME, "sni", conf->game[n].line),
                                  "%s leads to [game %s] already (line %d); name it in one of them",
                                  conf->game[n].sni[i], conf->game[j].name, conf->game[j].line);
}

// The connector writes the header itself, and can be given it only as a whole and in advance.
static void check_links(const struct conf_game *game, const int *lines,
                        struct conf_complaints *complaints)
{
    if (game->links == CONF_LINKS_CONNECTOR &&
        (game->header != CONF_PENNMUSH || game->sockaddr.ss_family != AF_UNIX))
        conf_complain(complaints, line_of(lines, CONF_GAME, "links", game->line),
                      "links = connector goes with header = pennmush and connect = unix:PATH only; "
                      "remove it");
}

// What a player says about itself is only found where telnet is followed and not compressed.
static void check_guarded(const struct conf_game *game, const char *key, const int *lines,
                          struct conf_complaints *complaints)
{
    const int line = line_of(lines, CONF_GAME, key, game->line);
    if (!game->is_telnet)
        conf_complain(complaints, line,
                      "%s = yes means nothing with telnet = no; write telnet = yes", key);
    if (game->may_compress)
        conf_complain(complaints, line,
                      "%s = yes does not go with compression = yes, under which players could say "
                      "where they are by themselves; remove one of them",
                      key);
}

static void check_game(const struct conf *conf, unsigned n, const int *lines,
                       struct conf_complaints *complaints)
{
    const struct conf_game *game = &conf->game[n];
    check_required(CONF_GAME, game->name, game->line, lines, complaints);
    check_sni(conf, n, lines, complaints);
    check_links(game, lines, complaints);
    if (game->pid_file && game->sockaddr.ss_family == AF_UNIX)
        conf_complain(complaints, line_of(lines, CONF_GAME, "pid-file", game->line),
                      "a game on a Unix socket needs no pid-file; remove it");
    if (game->may_compress && !game->is_telnet)
        conf_complain(complaints, line_of(lines, CONF_GAME, "compression", game->line),
                      "compression means nothing with telnet = no; remove it");
    if (game->is_mnes)
        check_guarded(game, "mnes", lines, complaints);
    if (game->is_forwarded)
        check_guarded(game, "forwarded", lines, complaints);
}

// Would bind(2) refuse the second of these? A wildcard takes the port on every address of its
// family; IPv6 listeners are IPV6_V6ONLY, so the families do not meet.
static bool do_collide(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    static const uint8_t any4[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    static const uint8_t any6[16];
    uint8_t bytes_a[16], bytes_b[16];
    uint16_t port_a, port_b;
    address_to_bytes((const struct sockaddr *)a, bytes_a, &port_a);
    address_to_bytes((const struct sockaddr *)b, bytes_b, &port_b);
    if (port_a != port_b || a->ss_family != b->ss_family)
        return false;
    const uint8_t *any = address_is_ipv4(bytes_a) ? any4 : any6;
    return memcmp(bytes_a, bytes_b, 16) == 0 || memcmp(bytes_a, any, 16) == 0 ||
           memcmp(bytes_b, any, 16) == 0;
}

// Complain about the first earlier address that this one collides with.
static void check_address(const struct conf *conf, unsigned n_listener, unsigned n_address,
                          int line, struct conf_complaints *complaints)
{
    const struct conf_address *address = &conf->listener[n_listener].address[n_address];
    for (unsigned i = 0; i <= n_listener; i++) {
        const struct conf_listener *other = &conf->listener[i];
        unsigned n = i == n_listener ? n_address : other->n_addresses;
        for (unsigned j = 0; j < n; j++) {
            if (!do_collide(&other->address[j].sockaddr, &address->sockaddr))
                continue;
            conf_complain(complaints, line,
                          "%s collides with %s of [listen %s] (line %d); use another port",
                          address->text, other->address[j].text, other->name, other->line);
            return;
        }
    }
}

static void check_listener(struct conf *conf, unsigned i, const struct conf_places *places,
                           struct conf_complaints *complaints)
{
    struct conf_listener *listener = &conf->listener[i];
    const int *lines = places->listener[i];
    check_required(CONF_LISTEN, listener->name, listener->line, lines, complaints);
    if (listener->is_tls)
        check_tls(listener, lines, complaints);
    else
        check_plain(listener, lines, complaints);
    find_game(conf, listener, lines, places->game_of[i], complaints);
    for (unsigned j = 0; j < listener->n_addresses; j++)
        check_address(conf, i, j, line_of(lines, CONF_LISTEN, "address", listener->line),
                      complaints);
}

// Take out of a path what does not change where it leads: "//", "/./" and "/..".
static void simplify(char *path)
{
    char *to = path;
    for (char *from = path, *next; *from; from = next) {
        next = from + 1 + strcspn(from + 1, "/");
        size_t n = (size_t)(next - from);
        if (n == 1 || (n == 2 && from[1] == '.'))
            continue;
        if (n == 3 && from[1] == '.' && from[2] == '.') {
            while (to > path && *--to != '/')
                ;
            continue;
        }
        memmove(to, from, n);
        to += n;
    }
    *to = '\0';
}

static bool is_same_path(const char *a, const char *b)
{
    char one[sizeof((struct sockaddr_un *)0)->sun_path + 1];
    char other[sizeof one];
    if (strlen(a) >= sizeof one || strlen(b) >= sizeof other || *a != '/' || *b != '/')
        return false;
    strcpy(one, a);
    strcpy(other, b);
    simplify(one);
    simplify(other);
    return strcmp(one, other) == 0;
}

// Does the game's address lead back to stayd? Then each player's link would be the next player.
static void check_loop(const struct conf *conf, const struct conf_game *game, const int *lines,
                       struct conf_complaints *complaints)
{
    const int line = line_of(lines, CONF_GAME, "connect", game->line);
    if (game->sockaddr.ss_family == AF_UNIX &&
        is_same_path(((const struct sockaddr_un *)&game->sockaddr)->sun_path, conf->control))
        conf_complain(complaints, line,
                      "connect = %s is stayd's own control socket; name the one where the game "
                      "listens",
                      game->connect);
    for (unsigned i = 0; i < conf->n_listeners; i++)
        for (unsigned j = 0; j < conf->listener[i].n_addresses; j++) {
            const struct conf_address *address = &conf->listener[i].address[j];
            if (game->sockaddr.ss_family == AF_UNIX ||
                !do_collide(&address->sockaddr, &game->sockaddr))
                continue;
            conf_complain(complaints, line,
                          "connect = %s is where stayd itself listens (%s of [listen %s], line "
                          "%d), so that it would connect to itself; give the game another port",
                          game->connect, address->text, conf->listener[i].name,
                          conf->listener[i].line);
            return;
        }
}

void conf_check(struct conf *conf, const struct conf_places *places,
                struct conf_complaints *complaints)
{
    if (conf->n_listeners == 0)
        conf_complain(
            complaints, 0,
            "no player could connect; add a section [listen NAME] with address = [::]:4202");
    if (conf->n_games == 0)
        conf_complain(complaints, 0,
                      "there is no game; add a section [game NAME] with connect = unix:/PATH");
    for (unsigned i = 0; i < conf->n_games; i++)
        check_game(conf, i, places->game[i], complaints);
    for (unsigned i = 0; i < conf->n_games; i++)
        check_loop(conf, &conf->game[i], places->game[i], complaints);
    for (unsigned i = 0; i < conf->n_listeners; i++)
        check_listener(conf, i, places, complaints);
}
