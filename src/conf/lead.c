// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Where a name leads (SNI). Whoever may not come in by any of a game's own listeners does not come
// in by another one's: there a name is followed only if its listener asks of players what one of
// the game's own does.
//
// Errors: none.
#include "conf/conf.h"

#include <string.h>
#include <strings.h>

#define NEWEST 0x0304u

static bool is_host(const char *pattern, const char *host)
{
    if (strncmp(pattern, "*.", 2) != 0)
        return strcasecmp(pattern, host) == 0;
    const char *dot = strchr(host, '.');
    return dot && dot != host && strcasecmp(pattern + 1, dot) == 0;
}

// The game that has this name, or n_games.
static unsigned find_game(const struct conf *conf, const char *name)
{
    for (unsigned i = 0; i < conf->n_games; i++)
        for (unsigned j = 0; j < CONF_MAX_SNI && conf->game[i].sni[j]; j++)
            if (is_host(conf->game[i].sni[j], name))
                return i;
    return conf->n_games;
}

static bool is_own(const struct conf_listener *listener, unsigned game)
{
    return *listener->name && !listener->is_gone && listener->game == game;
}

static bool is_same_ca(const struct conf_listener *a, const struct conf_listener *b)
{
    return a->client_ca && b->client_ca && strcmp(a->client_ca, b->client_ca) == 0;
}

// Would `own` have taken everybody who has come by `by` over this version of TLS?
static bool is_as_strict(const struct conf_listener *by, const struct conf_listener *own,
                         uint16_t tls_version)
{
    if (!own->is_tls)
        return true;
    if (tls_version < own->tls_min)
        return false;
    return own->client_certificates != CONF_CLIENT_CERTIFICATES_REQUIRE ||
           (by->client_certificates == CONF_CLIENT_CERTIFICATES_REQUIRE && is_same_ca(by, own));
}

// NULL, or the first of the game's own listeners, each of which is stricter than `by`.
static const struct conf_listener *find_stricter(const struct conf *conf,
                                                 const struct conf_listener *by, unsigned game,
                                                 uint16_t tls_version)
{
    const struct conf_listener *first = NULL;
    if (by->game == game)
        return NULL;
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        const struct conf_listener *own = &conf->listener[i];
        if (!is_own(own, game))
            continue;
        if (is_as_strict(by, own, tls_version))
            return NULL;
        if (!first)
            first = own;
    }
    return first;
}

unsigned conf_game_for(const struct conf *conf, const struct conf_listener *by, const char *name,
                       uint16_t tls_version)
{
    unsigned game = name && *name ? find_game(conf, name) : conf->n_games;
    if (game == conf->n_games)
        return by->game;
    return find_stricter(conf, by, game, tls_version) ? CONF_NO_GAME : game;
}

static void remark(const struct conf *conf, const struct conf_listener *by, unsigned game,
                   FILE *remarks)
{
    const struct conf_listener *own = find_stricter(conf, by, game, NEWEST);
    fprintf(remarks, "%s:%d: [game %s] who asks for it by its sni on [listen %s] ", conf->path,
            conf->game[game].line, conf->game[game].name, by->name);
    if (own)
        fprintf(remarks,
                "is refused, because its own [listen %s] is stricter: client-certificates = "
                "require, client-ca = %s\n",
                own->name, own->client_ca);
    else
        fprintf(remarks,
                "is refused but over TLS 1.3, because its own [listen %s] has tls-min = 1.3\n",
                find_stricter(conf, by, game, by->tls_min)->name);
}

void conf_remark_names(const struct conf *conf, FILE *remarks)
{
    for (unsigned i = 0; i < conf->n_games; i++)
        for (unsigned j = 0; conf->game[i].sni[0] && j < conf->n_listeners; j++) {
            const struct conf_listener *by = &conf->listener[j];
            if (by->is_tls && *by->name && !by->is_gone && find_stricter(conf, by, i, by->tls_min))
                remark(conf, by, i, remarks);
        }
}
