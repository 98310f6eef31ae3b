// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The cache of host names (names.h), and what makes a name one. Who asks is resolver.c. An entry
// lives in a hash table and in a queue by age; a pending one is never evicted, because the resolver
// holds its address.
// Errors: "no name".
#include "game/names.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "game/resolver.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS 1024u
#define MAX_ENTRIES 4096u
#define MAX_PENDING 256u
#define FOUND_MS (60 * 60 * 1000u) // names of players do not move faster
#define NONE_MS (60 * 1000u)
#define NAMES_CANDIDATES 4u // of one address; more lead back only by chance

struct entry {
    LIST_ENTRY(entry) in_bucket;
    TAILQ_ENTRY(entry) by_age;
    struct names *names;
    uint8_t address[16];
    enum names_status status;
    uint64_t expires_ms;
    char host[NAMES_HOST_BYTES]; // the one that was found, or the one that is looked up
    char candidate[NAMES_CANDIDATES][NAMES_HOST_BYTES]; // what the address leads to
    unsigned n_candidates;
    unsigned n_tried;
};

struct names {
    struct resolver *resolver;
    names_settled_fn *settled;
    void *arg;
    LIST_HEAD(bucket, entry) bucket[BUCKETS];
    TAILQ_HEAD(queue, entry) settled_entries; // oldest first
    unsigned n_entries;
    unsigned n_pending;
};

static unsigned bucket_of(const uint8_t address[16])
{
    return hash32_add(HASH32_START, address, 16) % BUCKETS;
}

static void drop(struct names *names, struct entry *entry)
{
    LIST_REMOVE(entry, in_bucket);
    TAILQ_REMOVE(&names->settled_entries, entry, by_age);
    names->n_entries--;
    free(entry);
}

static void settle(struct entry *entry, enum names_status status)
{
    struct names *names = entry->names;
    char text[ADDRESS_TEXT_BYTES];
    entry->status = status;
    entry->expires_ms = clock_boot_ms() + (status == NAMES_FOUND ? FOUND_MS : NONE_MS);
    TAILQ_INSERT_TAIL(&names->settled_entries, entry, by_age);
    names->n_pending--;
    log_event(LOG_NAME, "address=%s host=%s", address_print(text, entry->address),
              status == NAMES_FOUND ? entry->host : "-");
    names->settled(names->arg);
}

bool names_is_host(const char *name)
{
    size_t n = strlen(name);
    if (n == 0 || n >= NAMES_HOST_BYTES || name[0] == '.' || name[0] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)name[i]) && !strchr("-_.", name[i]))
            return false;
    return isalpha((unsigned char)name[n - 1]) != 0;
}

static void try_next(struct entry *entry);

static void forward_done(void *arg, bool leads_back)
{
    struct entry *entry = arg;
    if (leads_back)
        settle(entry, NAMES_FOUND);
    else
        try_next(entry);
}

// The names that the address leads to, one after the other, until one leads back.
static void try_next(struct entry *entry)
{
    if (entry->n_tried == entry->n_candidates) {
        settle(entry, NAMES_NONE);
        return;
    }
    strcpy(entry->host, entry->candidate[entry->n_tried++]);
    resolver_forward(entry->names->resolver, entry->host, entry->address, forward_done, entry);
}

static void reverse_name(void *arg, const char *name)
{
    struct entry *entry = arg;
    if (entry->n_candidates < NAMES_CANDIDATES && names_is_host(name))
        strcpy(entry->candidate[entry->n_candidates++], name); // names_is_host has measured it
}

static void reverse_done(void *arg)
{
    try_next(arg);
}

static enum names_status start(struct names *names, const uint8_t address[16])
{
    if (names->n_pending >= MAX_PENDING)
        return NAMES_NONE;
    if (names->n_entries >= MAX_ENTRIES)
        drop(names, TAILQ_FIRST(&names->settled_entries));
    struct entry *entry = calloc(1, sizeof *entry);
    if (!entry)
        return NAMES_NONE;
    entry->names = names;
    memcpy(entry->address, address, 16);
    LIST_INSERT_HEAD(&names->bucket[bucket_of(address)], entry, in_bucket);
    names->n_entries++;
    names->n_pending++;
    resolver_reverse(names->resolver, address, reverse_name, reverse_done, entry);
    return entry->status;
}

enum names_status names_find(struct names *names, const uint8_t address[16], const char **host)
{
    static const uint8_t loopback4[16] = {[10] = 0xff, [11] = 0xff, [12] = 127};
    static const uint8_t loopback6[16] = {[15] = 1};
    if (!names)
        return NAMES_NONE;
    if (memcmp(address, loopback4, 13) == 0 || memcmp(address, loopback6, 16) == 0) {
        *host = "localhost";
        return NAMES_FOUND;
    }
    struct entry *entry;
    LIST_FOREACH(entry, &names->bucket[bucket_of(address)], in_bucket) {
        if (memcmp(entry->address, address, 16) != 0)
            continue;
        if (entry->status == NAMES_PENDING || entry->expires_ms > clock_boot_ms()) {
            *host = entry->host;
            return entry->status;
        }
        drop(names, entry);
        break;
    }
    return start(names, address);
}

struct names *names_make(struct event_base *base, const struct conf *conf,
                         names_settled_fn *settled, void *arg)
{
    if (conf->names == CONF_NAMES_OFF)
        return NULL;
    struct names *names = calloc(1, sizeof *names);
    if (!names)
        return NULL;
    names->settled = settled;
    names->arg = arg;
    TAILQ_INIT(&names->settled_entries);
    names->resolver = resolver_make(base, conf);
    if (!names->resolver) {
        free(names);
        return NULL;
    }
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    resolver_free(names->resolver);
    for (unsigned i = 0; i < BUCKETS; i++) {
        struct entry *entry;
        while ((entry = LIST_FIRST(&names->bucket[i]))) {
            LIST_REMOVE(entry, in_bucket);
            free(entry);
        }
    }
    free(names);
}
