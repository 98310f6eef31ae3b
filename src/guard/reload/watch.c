// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Watching files and dates (watch.h).
#include "guard/reload/watch.h"

#include "base/hash.h"
#include "base/log.h"
#include "entry/page.h"

#include <string.h>
#include <sys/stat.h>

#define DAY_S (24u * 3600u)

static uint64_t add_file(uint64_t hash, const char *path)
{
    struct stat facts;
    if (!path || stat(path, &facts) != 0)
        return hash64_add_number(hash, 1);
    hash = hash64_add_number(hash, (uint64_t)facts.st_dev);
    hash = hash64_add_number(hash, (uint64_t)facts.st_ino);
    hash = hash64_add_number(hash, (uint64_t)facts.st_size);
    // A change of rights is one, too.
    hash = hash64_add_number(hash, (uint64_t)facts.st_ctim.tv_sec);
    hash = hash64_add_number(hash, (uint64_t)facts.st_ctim.tv_nsec);
    hash = hash64_add_number(hash, (uint64_t)facts.st_mtim.tv_sec);
    return hash64_add_number(hash, (uint64_t)facts.st_mtim.tv_nsec);
}

uint64_t watch_stamp(const struct conf *conf)
{
    uint64_t hash = HASH64_START;
    for (unsigned i = 0; i < conf->n_listeners; i++) {
        const struct conf_listener *listener = &conf->listener[i];
        for (unsigned j = 0; j < listener->n_certificates; j++) {
            hash = add_file(hash, listener->certificate[j]);
            hash = add_file(hash, listener->key[j]);
        }
        hash = add_file(hash, listener->client_ca);
    }
    return hash;
}

bool watch_look(struct watch *watch, const struct heritage *heritage, uint64_t now_ms)
{
    if (!heritage->conf.watches_certificates || now_ms < watch->look_ms)
        return false;
    uint64_t now = watch_stamp(&heritage->conf);
    bool has_settled = now == watch->seen;
    watch->seen = now;
    watch->look_ms = now_ms + WATCH_MS;
    bool is_served = now == heritage->stamp && !heritage->has_kept;
    if (is_served || (now == watch->refused && now_ms < watch->again_ms))
        return false;
    if (has_settled)
        return true;
    watch->look_ms = now_ms + WATCH_SETTLED_MS;
    return false;
}

bool watch_refuse(struct watch *watch, uint64_t stamp, const char *words, uint64_t now_ms)
{
    uint64_t hash = hash64_add_text(1, words);
    bool is_news = stamp != watch->refused || hash != watch->words;
    watch->refused = stamp;
    watch->again_ms = now_ms + WATCH_AGAIN_MS;
    watch->words = hash;
    return is_news;
}

static void warn(const char *listener, const struct certs_fact *fact, int64_t left_s)
{
    static const char *const words[] = {
        [CERTS_ENDS_SOON] = "renew it",
        [CERTS_ENDS_SOONER] = "renew it; if that is done by a program, see why it has not",
        [CERTS_ENDS_VERY_SOON] = "renew it now",
        [CERTS_HAS_ENDED] = "it has expired, and players' programs refuse it; renew it now",
    };
    char date[CERTS_DATE_BYTES];
    enum certs_end end = certs_end(left_s, fact->expires_s - fact->begins_s);
    if (end != CERTS_ENDS_LATER)
        log_event(
            LOG_CERTIFICATE, "listener=%s name=%s key=%s expires=%s days=%lld what=\"%s%s\"",
            listener, fact->name, certs_kind_name(fact->kind),
            certs_print_date(date, fact->expires_s), (long long)(left_s > 0 ? left_s / DAY_S : 0),
            fact->is_issuers ? "an issuer's certificate in its file ends then: " : "", words[end]);
}

bool watch_is_due(const struct heritage *heritage, uint64_t now_wall_s)
{
    uint64_t told_s = heritage->vault.head->reload.expiry_told_s;
    // The clock may have been set back.
    return now_wall_s >= told_s + DAY_S || now_wall_s < told_s;
}

void watch_dates(const struct heritage *heritage, const struct entry_page *page,
                 uint64_t now_wall_s)
{
    for (unsigned i = 0; i < page->n_certificates; i++) {
        const struct certs_fact *fact = &page->certificate[i].fact;
        warn(heritage->conf.listener[page->certificate[i].listener].name, fact,
             fact->expires_s - (int64_t)now_wall_s);
    }
    heritage->vault.head->reload.expiry_told_s = now_wall_s;
}
