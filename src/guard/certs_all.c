// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Loading for all listeners, and each word once (certs_all.h).
#include "guard/certs_all.h"

#include "base/log.h"
#include "base/text.h"
#include "entry/certs.h"
#include "entry/takeover.h"
#include "guard/reload/watch.h"

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

// Nobody is taken by a TLS listener without a certificate: the worker says so (entry/accept.c).
static bool is_ok_for(enum certs_all_use purpose, const struct certs_loaded *loaded,
                      const struct certs *before)
{
    switch (purpose) {
    case CERTS_ALL_CHECK:
        return loaded->n_complaints == 0;
    case CERTS_ALL_START:
        return true;
    case CERTS_ALL_RELOAD:
        return !loaded->has_mistake && (loaded->can_serve || (before && !certs_context(before)));
    case CERTS_ALL_UPGRADE_TRY:
    case CERTS_ALL_UPGRADE:
        break;
    }
    return loaded->can_serve;
}

struct certs_all_loaded certs_all_load(struct heritage *heritage, const struct heritage *before,
                                       enum certs_all_use purpose, FILE *complaints, FILE *remarks)
{
    struct certs_all_loaded all = {.is_good = true};
    struct text said;
    bool can_serve = false;
    heritage->stamp = watch_stamp(&heritage->conf);
    heritage->has_kept = false;
    if (!text_begin(&said)) {
        fprintf(complaints, "memory could not be had; try again\n");
        return (struct certs_all_loaded){0};
    }
    for (unsigned i = 0; i < heritage->conf.n_listeners; i++) {
        const struct conf_listener *listener = &heritage->conf.listener[i];
        struct text wrong;
        struct text noted;
        can_serve |= !listener->is_tls && listener->n_addresses;
        if (!listener->is_tls || !text_begin(&wrong))
            continue;
        if (!text_begin(&noted)) {
            free(text_end(&wrong));
            continue;
        }
        bool is_before = before && strcmp(before->conf.listener[i].name, listener->name) == 0;
        const struct certs_wish wish = {
            .may_make = purpose != CERTS_ALL_CHECK && purpose != CERTS_ALL_UPGRADE_TRY,
            .listener_before = is_before ? &before->conf.listener[i] : NULL,
            .before = is_before ? before->certs[i] : NULL,
        };
        struct certs_loaded loaded =
            certs_load(&heritage->conf, listener, &wish, wrong.out, noted.out);
        say_once(&wrong, complaints, &said);
        say_once(&noted, remarks, &said);
        heritage->certs[i] = loaded.certs;
        all.is_good &= loaded.certs && is_ok_for(purpose, &loaded, wish.before);
        all.n_complaints += loaded.n_complaints;
        all.has_news |= loaded.has_news;
        can_serve |= loaded.can_serve;
        heritage->has_kept |= loaded.n_kept > 0;
        if (loaded.certs)
            certs_each(loaded.certs, takeover_prepare, NULL);
    }
    free(text_end(&said));
    all.is_good &= can_serve;
    return all;
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

void certs_all_free(struct heritage *heritage)
{
    for (unsigned i = 0; i < CONF_MAX_LISTENERS; i++) {
        certs_free(heritage->certs[i]);
        heritage->certs[i] = NULL;
    }
}
