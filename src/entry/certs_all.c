// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Loading for all listeners, and each word once (certs_all.h).
#include "entry/certs_all.h"

#include "base/log.h"
#include "base/text.h"
#include "entry/certs.h"
#include "entry/takeover.h"
#include "entry/wallet.h"

#include <stdlib.h>
#include <string.h>

// What has been said of a file is not said again for each listener that names it.
static void say_once(struct text *lines, FILE *out, struct text *said)
{
    char *rest = text_end(lines);
    char *all = rest;
    for (char *line; rest && (line = strsep(&rest, "\n"));) {
        char *found = NULL;
        fflush(said->out);
        size_t n = strlen(line);
        for (char *at = said->bytes; n && at && (at = strstr(at, line)) && !found; at++)
            found = (at == said->bytes || at[-1] == '\n') && at[n] == '\n' ? at : NULL;
        if (n == 0 || found)
            continue;
        fprintf(said->out, "%s\n", line);
        fprintf(out, "%s\n", line);
    }
    free(all);
}

// Nobody is taken by a TLS listener without a certificate: that is said then (accept.c).
static bool is_ok_for(enum certs_all_use purpose, const struct certs_loaded *loaded,
                      const struct certs *before)
{
    switch (purpose) {
    case CERTS_ALL_CHECK:
        return loaded->n_complaints == 0;
    case CERTS_ALL_START:
    case CERTS_ALL_ENTRY:
        return true;
    case CERTS_ALL_RELOAD:
        return !loaded->has_mistake && (loaded->can_serve || (before && !certs_has_any(before)));
    case CERTS_ALL_UPGRADE_TRY:
        break;
    }
    return loaded->can_serve;
}

// The listener of the same name that is in force; NULL: there is none.
static const struct conf_listener *find_before(const struct certs_all_wish *wish, unsigned i)
{
    const struct conf_listener *before = wish->conf_before ? &wish->conf_before->listener[i] : NULL;
    return before && strcmp(before->name, wish->conf->listener[i].name) == 0 ? before : NULL;
}

static struct certs_loaded load_one(const struct certs_all_wish *all_wish, unsigned i,
                                    FILE *complaints, FILE *remarks, struct certs_all_loaded *all)
{
    const struct conf_listener *listener = &all_wish->conf->listener[i];
    const struct certs_wish wish = {
        .may_make = all_wish->use != CERTS_ALL_CHECK && all_wish->use != CERTS_ALL_UPGRADE_TRY,
        .listener_before = find_before(all_wish, i),
        .before = all_wish->wallet ? wallet_find(all_wish->wallet, listener->name) : NULL,
    };
    struct certs_loaded loaded = certs_load(all_wish->conf, listener, &wish, complaints, remarks);
    all->is_good &= loaded.certs && is_ok_for(all_wish->use, &loaded, wish.before);
    all->n_complaints += loaded.n_complaints;
    all->n_kept += loaded.n_kept;
    all->has_news |= loaded.has_news;
    if (loaded.certs)
        certs_each(loaded.certs, takeover_prepare, NULL);
    return loaded;
}

struct certs_all_loaded certs_all_load(const struct certs_all_wish *wish,
                                       struct certs *certs[CONF_MAX_LISTENERS], FILE *complaints,
                                       FILE *remarks)
{
    struct certs_all_loaded all = {.is_good = true};
    struct text said;
    bool can_serve = false;
    memset(certs, 0, CONF_MAX_LISTENERS * sizeof *certs);
    if (!text_begin(&said)) {
        fprintf(complaints, "memory could not be had; try again\n");
        return (struct certs_all_loaded){0};
    }
    for (unsigned i = 0; i < wish->conf->n_listeners; i++) {
        const struct conf_listener *listener = &wish->conf->listener[i];
        struct text wrong;
        struct text noted;
        can_serve |= !listener->is_tls && listener->n_addresses;
        if (!listener->is_tls || !text_begin(&wrong))
            continue;
        if (!text_begin(&noted)) {
            free(text_end(&wrong));
            continue;
        }
        struct certs_loaded loaded = load_one(wish, i, wrong.out, noted.out, &all);
        certs[i] = loaded.certs;
        can_serve |= loaded.can_serve;
        say_once(&wrong, complaints, &said);
        say_once(&noted, remarks, &said);
    }
    free(text_end(&said));
    all.is_good &= can_serve;
    return all;
}

void certs_all_free(struct certs *certs[CONF_MAX_LISTENERS])
{
    for (unsigned i = 0; i < CONF_MAX_LISTENERS; i++) {
        certs_free(certs[i]);
        certs[i] = NULL;
    }
}

void certs_all_log(char *lines)
{
    char *rest = lines;
    for (char *line; (line = strsep(&rest, "\n"));) {
        for (char *at = line; *at; at++)
            if (*at == '"')
                *at = '\'';
        if (*line)
            log_event(LOG_CERTIFICATE, "what=\"%s\"", line);
    }
}
