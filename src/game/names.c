// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Host names by libevent's evdns (names.h). An entry lives in a hash table and in
// a queue by age; a pending one is never evicted, because evdns holds its address.
// Errors: "no name".
#include "game/names.h"

#include "base/address.h"
#include "base/clock.h"
#include "base/log.h"

#include <ctype.h>
#include <event2/dns.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#define BUCKETS 1024u
#define MAX_ENTRIES 4096u
#define MAX_PENDING 256u
#define FOUND_MS (60 * 60 * 1000u) // names of players do not move faster
#define NONE_MS (60 * 1000u)

struct entry {
    LIST_ENTRY(entry) in_bucket;
    TAILQ_ENTRY(entry) by_age;
    struct names *names;
    uint8_t address[16];
    enum names_status status;
    uint64_t expires_ms;
    char host[NAMES_HOST_BYTES];
};

struct names {
    struct evdns_base *dns;
    names_settled_fn *settled;
    void *arg;
    LIST_HEAD(bucket, entry) bucket[BUCKETS];
    TAILQ_HEAD(queue, entry) settled_entries; // oldest first
    unsigned n_entries;
    unsigned n_pending;
};

static unsigned bucket_of(const uint8_t address[16])
{
    uint32_t hash = 2166136261u; // FNV-1a
    for (unsigned i = 0; i < 16; i++)
        hash = (hash ^ address[i]) * 16777619u;
    return hash % BUCKETS;
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

static void forward_done(int result, char type, int count, int ttl, void *addresses, void *arg)
{
    struct entry *entry = arg;
    (void)ttl;
    // evdns calls back while it is torn down; nothing may be started then.
    if (result == DNS_ERR_SHUTDOWN)
        return;
    size_t n = type == DNS_IPv4_A ? 4 : 16;
    bool is_confirmed = false;
    for (int i = 0; result == DNS_ERR_NONE && i < count; i++)
        is_confirmed |=
            memcmp((uint8_t *)addresses + (size_t)i * n, entry->address + 16 - n, n) == 0;
    settle(entry, is_confirmed ? NAMES_FOUND : NAMES_NONE);
}

static void reverse_done(int result, char type, int count, int ttl, void *addresses, void *arg)
{
    struct entry *entry = arg;
    (void)ttl;
    if (result == DNS_ERR_SHUTDOWN)
        return;
    if (result != DNS_ERR_NONE || type != DNS_PTR || count < 1 ||
        !names_is_host(*(char **)addresses)) {
        settle(entry, NAMES_NONE);
        return;
    }
    strcpy(entry->host, *(char **)addresses); // names_is_host has measured it
    struct evdns_base *dns = entry->names->dns;
    bool is_started = address_is_ipv4(entry->address)
                          ? evdns_base_resolve_ipv4(dns, entry->host, DNS_QUERY_NO_SEARCH,
                                                    forward_done, entry) != NULL
                          : evdns_base_resolve_ipv6(dns, entry->host, DNS_QUERY_NO_SEARCH,
                                                    forward_done, entry) != NULL;
    if (!is_started)
        settle(entry, NAMES_NONE);
}

static bool start_reverse(struct entry *entry)
{
    struct evdns_base *dns = entry->names->dns;
    if (address_is_ipv4(entry->address)) {
        struct in_addr in;
        memcpy(&in, entry->address + 12, 4);
        return evdns_base_resolve_reverse(dns, &in, DNS_QUERY_NO_SEARCH, reverse_done, entry) !=
               NULL;
    }
    struct in6_addr in6;
    memcpy(&in6, entry->address, 16);
    return evdns_base_resolve_reverse_ipv6(dns, &in6, DNS_QUERY_NO_SEARCH, reverse_done, entry) !=
           NULL;
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
    if (!start_reverse(entry))
        settle(entry, NAMES_NONE);
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
    LIST_FOREACH(entry, &names->bucket[bucket_of(address)], in_bucket)
    {
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

static struct evdns_base *make_dns(struct event_base *base, const struct conf *conf)
{
    int flags = EVDNS_BASE_DISABLE_WHEN_INACTIVE;
    if (conf->n_name_servers == 0)
        return evdns_base_new(base, flags | EVDNS_BASE_INITIALIZE_NAMESERVERS);
    struct evdns_base *dns = evdns_base_new(base, flags);
    for (unsigned i = 0; dns && i < conf->n_name_servers; i++)
        evdns_base_nameserver_sockaddr_add(dns,
                                           (const struct sockaddr *)&conf->name_server[i].sockaddr,
                                           conf->name_server[i].sockaddr_bytes, 0);
    return dns;
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
    names->dns = make_dns(base, conf);
    if (!names->dns) {
        log_event(LOG_LIBRARY, "what=\"no name server is known; players have no host names\" "
                               "fix=\"set name-servers, or host-names = off\"");
        free(names);
        return NULL;
    }
    evdns_base_set_option(names->dns, "timeout:", "2");
    evdns_base_set_option(names->dns, "attempts:", "2");
    return names;
}

void names_free(struct names *names)
{
    if (!names)
        return;
    evdns_base_free(names->dns, 1);
    for (unsigned i = 0; i < BUCKETS; i++) {
        struct entry *entry;
        while ((entry = LIST_FIRST(&names->bucket[i]))) {
            LIST_REMOVE(entry, in_bucket);
            free(entry);
        }
    }
    free(names);
}
