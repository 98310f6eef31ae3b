// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Networks in a hashed table of fixed size (tally.h). Errors: NULL without memory.
#include "entry/tally.h"

#include <stdlib.h>
#include <string.h>

#define NEAR_BITS 64u // of IPv6
#define FAR_BITS 48u
#define BURST_S 5u
#define LOOKS 256u

TAILQ_HEAD(tally_line, tally_held);

struct tally_network {
    TAILQ_ENTRY(tally_network) in_idle; // if n is 0
    struct tally_network *next;         // of the same hash
    struct network network;
    uint32_t n;
    uint32_t credit;      // thousandths of a connection
    uint64_t credited_ms; // up to when
    bool is_credited;     // else it has all that it may have
    uint32_t n_waiting;
    uint64_t turn; // its last one, but not before it began to wait
    struct tally_line held;
};

TAILQ_HEAD(tally_idle, tally_network);

struct tally {
    struct tally_key key;
    struct tally_network *networks;
    uint32_t n_networks;
    uint32_t n_begun;               // that have ever been in use
    struct tally_network **buckets; // a power of two
    uint32_t mask;
    struct tally_idle idle; // by last use, the oldest first
    struct tally_line by_age;
    struct tally_line silent;  // by age
    struct tally_line waiting; // in the order in which they began to
    uint64_t turn;
};

struct tally *tally_make(uint32_t n_networks, const struct tally_key *key)
{
    struct tally *tally = calloc(1, sizeof *tally);
    if (!tally)
        return NULL;
    tally->key = *key;
    tally->n_networks = n_networks;
    tally->mask = 1;
    while (tally->mask < n_networks)
        tally->mask *= 2;
    tally->networks = calloc(n_networks, sizeof *tally->networks);
    tally->buckets = calloc(tally->mask--, sizeof *tally->buckets);
    TAILQ_INIT(&tally->idle);
    TAILQ_INIT(&tally->by_age);
    TAILQ_INIT(&tally->silent);
    TAILQ_INIT(&tally->waiting);
    if (tally->networks && tally->buckets)
        return tally;
    tally_free(tally);
    return NULL;
}

void tally_free(struct tally *tally)
{
    if (!tally)
        return;
    free(tally->networks);
    free(tally->buckets);
    free(tally);
}

unsigned tally_networks(const uint8_t address[16], struct network networks[TALLY_LEVELS])
{
    if (address_is_ipv4(address)) {
        networks[0] = network_of(address, 128);
        return 1;
    }
    networks[0] = network_of(address, NEAR_BITS);
    networks[1] = network_of(address, FAR_BITS);
    return 2;
}

// Multilinear: of two networks, chosen without the key, the chance that they meet is one in 2^32
// (Lemire, Kaser: Strongly universal string hashing is fast).
static struct tally_network **bucket_of(const struct tally *tally, const struct network *network)
{
    uint64_t sum = tally->key.number[0] + tally->key.number[1] * network->bits;
    for (unsigned i = 0; i < 4; i++) {
        uint32_t word;
        memcpy(&word, network->address + 4 * i, sizeof word);
        sum += tally->key.number[2 + i] * word;
    }
    return &tally->buckets[(uint32_t)(sum >> 32) & tally->mask];
}

static struct tally_network *find(const struct tally *tally, const struct network *network)
{
    struct tally_network *it = *bucket_of(tally, network);
    while (it && !network_is_same(&it->network, network))
        it = it->next;
    return it;
}

static void unlink_from_bucket(struct tally *tally, const struct tally_network *it)
{
    struct tally_network **at = bucket_of(tally, &it->network);
    while (*at != it)
        at = &(*at)->next;
    *at = it->next;
}

// A place that nobody needs, or NULL.
static struct tally_network *find_place(struct tally *tally)
{
    if (tally->n_begun < tally->n_networks)
        return &tally->networks[tally->n_begun++];
    struct tally_network *it = TAILQ_FIRST(&tally->idle);
    if (!it)
        return NULL;
    TAILQ_REMOVE(&tally->idle, it, in_idle);
    unlink_from_bucket(tally, it);
    return it;
}

// The network's place, which is made if there is none; now the last to be given up.
static struct tally_network *use(struct tally *tally, const struct network *network)
{
    struct tally_network *it = find(tally, network);
    if (it && it->n == 0)
        TAILQ_REMOVE(&tally->idle, it, in_idle);
    if (!it && (it = find_place(tally))) {
        struct tally_network **bucket = bucket_of(tally, network);
        *it = (struct tally_network){.network = *network, .next = *bucket};
        TAILQ_INIT(&it->held);
        *bucket = it;
    }
    if (it && it->n == 0)
        TAILQ_INSERT_TAIL(&tally->idle, it, in_idle);
    return it;
}

static struct tally_network *add(struct tally *tally, const struct network *network)
{
    struct tally_network *it = use(tally, network);
    if (it && it->n++ == 0)
        TAILQ_REMOVE(&tally->idle, it, in_idle);
    return it;
}

static void drop(struct tally *tally, struct tally_network *it)
{
    if (it && it->n > 0 && --it->n == 0)
        TAILQ_INSERT_TAIL(&tally->idle, it, in_idle);
}

static uint32_t limit_of(uint32_t limit, unsigned level)
{
    return level == 0 ? limit : limit * TALLY_FAR_TIMES;
}

// Bring its credit up to now. False: not one connection is left.
static bool credit(struct tally_network *it, uint32_t per_second, uint64_t now_ms)
{
    const uint64_t most = UINT64_C(1000) * BURST_S * per_second;
    uint64_t passed_ms = now_ms > it->credited_ms ? now_ms - it->credited_ms : 0;
    uint64_t sum = it->credit + (passed_ms < 1000 * BURST_S ? passed_ms * per_second : most);
    it->credit = (uint32_t)(it->is_credited && sum < most ? sum : most);
    it->credited_ms = now_ms;
    it->is_credited = true;
    return it->credit >= 1000;
}

bool tally_take(struct tally *tally, const uint8_t address[16], uint32_t per_second,
                uint64_t now_ms, struct network *network)
{
    struct network networks[TALLY_LEVELS];
    unsigned n = tally_networks(address, networks);
    for (unsigned level = 0; level < n; level++) {
        struct tally_network *it = use(tally, &networks[level]);
        if (it && !credit(it, limit_of(per_second, level), now_ms)) {
            *network = networks[level];
            return false;
        }
    }
    for (unsigned level = 0; level < n; level++) {
        struct tally_network *it = find(tally, &networks[level]);
        if (it && it->credit >= 1000)
            it->credit -= 1000;
    }
    return true;
}

void tally_add(struct tally *tally, const uint8_t address[16])
{
    struct network networks[TALLY_LEVELS];
    unsigned n = tally_networks(address, networks);
    for (unsigned level = 0; level < n; level++)
        add(tally, &networks[level]);
}

void tally_drop(struct tally *tally, const uint8_t address[16])
{
    struct network networks[TALLY_LEVELS];
    unsigned n = tally_networks(address, networks);
    for (unsigned level = 0; level < n; level++)
        drop(tally, find(tally, &networks[level]));
}

bool tally_is_full(const struct tally *tally, const uint8_t address[16], uint32_t limit,
                   struct network *network)
{
    struct network networks[TALLY_LEVELS];
    unsigned n = tally_networks(address, networks);
    for (unsigned level = 0; level < n; level++) {
        const struct tally_network *it = find(tally, &networks[level]);
        if (it && it->n >= limit_of(limit, level)) {
            *network = networks[level];
            return true;
        }
    }
    return false;
}

void tally_hold(struct tally *tally, struct tally_held *held, const uint8_t address[16],
                uint64_t now_ms)
{
    struct network networks[TALLY_LEVELS];
    unsigned n = address ? tally_networks(address, networks) : 0;
    *held = (struct tally_held){.since_ms = now_ms, .is_silent = true};
    for (unsigned level = 0; level < n; level++) {
        held->network[level] = add(tally, &networks[level]);
        if (held->network[level])
            TAILQ_INSERT_TAIL(&held->network[level]->held, held, in_network[level]);
    }
    TAILQ_INSERT_TAIL(&tally->by_age, held, by_age);
    TAILQ_INSERT_TAIL(&tally->silent, held, among_silent);
}

void tally_speak(struct tally *tally, struct tally_held *held)
{
    if (held->is_silent)
        TAILQ_REMOVE(&tally->silent, held, among_silent);
    held->is_silent = false;
}

void tally_wait(struct tally *tally, struct tally_held *held)
{
    if (held->is_waiting)
        return;
    held->is_waiting = true;
    held->turn = tally->turn;
    for (unsigned level = 0; level < TALLY_LEVELS; level++)
        if (held->network[level] && held->network[level]->n_waiting++ == 0)
            held->network[level]->turn = tally->turn;
    TAILQ_INSERT_TAIL(&tally->waiting, held, in_wait);
}

static void wait_no_more(struct tally *tally, struct tally_held *held)
{
    if (held->is_waiting)
        TAILQ_REMOVE(&tally->waiting, held, in_wait);
    for (unsigned level = 0; level < TALLY_LEVELS; level++)
        if (held->is_waiting && held->network[level])
            held->network[level]->n_waiting--;
    held->is_waiting = false;
}

// When the widest of its networks had its turn, then the next one.
static uint64_t turn_of(const struct tally_held *held, unsigned level)
{
    while (level > 0 && !held->network[level])
        level--;
    return held->network[level] ? held->network[level]->turn : held->turn;
}

static bool is_before(const struct tally_held *a, const struct tally_held *b)
{
    for (unsigned level = TALLY_LEVELS; level-- > 0;)
        if (turn_of(a, level) != turn_of(b, level))
            return turn_of(a, level) < turn_of(b, level);
    return false;
}

struct tally_held *tally_next(struct tally *tally)
{
    struct tally_held *found = NULL;
    struct tally_held *held;
    TAILQ_FOREACH(held, &tally->waiting, in_wait)
        if (!found || is_before(held, found))
            found = held;
    if (!found)
        return NULL;
    wait_no_more(tally, found);
    tally->turn++;
    for (unsigned level = 0; level < TALLY_LEVELS; level++)
        if (found->network[level])
            found->network[level]->turn = tally->turn;
    return found;
}

void tally_let_go(struct tally *tally, struct tally_held *held)
{
    tally_speak(tally, held);
    wait_no_more(tally, held);
    TAILQ_REMOVE(&tally->by_age, held, by_age);
    for (unsigned level = 0; level < TALLY_LEVELS; level++) {
        if (!held->network[level])
            continue;
        TAILQ_REMOVE(&held->network[level]->held, held, in_network[level]);
        drop(tally, held->network[level]);
    }
}

struct tally_held *tally_oldest_of(const struct tally *tally, const struct network *network,
                                   bool is_silent)
{
    const struct tally_network *it = find(tally, network);
    struct tally_held *held = it ? TAILQ_FIRST(&it->held) : NULL;
    while (held && is_silent && !held->is_silent)
        held = TAILQ_NEXT(held, in_network[it == held->network[0] ? 0 : 1]);
    return held;
}

struct tally_held *tally_oldest_silent(const struct tally *tally)
{
    return TAILQ_FIRST(&tally->silent);
}

struct tally_held *tally_oldest_of_busiest(const struct tally *tally, uint32_t *n)
{
    struct tally_held *found = NULL;
    struct tally_held *held;
    uint32_t looks = LOOKS;
    *n = 0;
    TAILQ_FOREACH(held, &tally->by_age, by_age) {
        if (looks-- == 0)
            break;
        uint32_t its = held->network[0] ? held->network[0]->n : 0;
        if (held->network[1] && held->network[1]->n / TALLY_FAR_TIMES > its)
            its = held->network[1]->n / TALLY_FAR_TIMES;
        if (!found || its > *n) {
            found = held;
            *n = its;
        }
    }
    return found;
}
