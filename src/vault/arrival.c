// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From an arrival to a slot (arrival.h). Errors: words.
#include "vault/arrival.h"

#include "record/suites.h"
#include "vault/facts.h"

#include <string.h>

#define TLS13_SUITES 0x13 // the first byte of their numbers, and of no other's (RFC 8446, B.4)

static const char *doubt_tls(const struct arrival *arrival)
{
    const struct suite *suite = suite_find(arrival->suite);
    if (arrival->tls_version != RECORD_TLS12 && arrival->tls_version != RECORD_TLS13)
        return "no version of TLS that is known";
    if (!suite || suite->cipher != (enum record_cipher)arrival->cipher ||
        (suite->id >> 8 == TLS13_SUITES) != (arrival->tls_version == RECORD_TLS13))
        return "no cipher suite that is known for it";
    if (arrival->write_limit < RECORD_LEAST_LIMIT || arrival->write_limit > RECORD_MAX_TEXT)
        return "no size that a record may have";
    for (unsigned dir = 0; dir < 2; dir++)
        if (arrival->keys[dir].generation != 0)
            return "keys that are not the first ones";
    return NULL;
}

// Those that only a handshake of ours shows, and those that come with a balancer's word of its own.
#define SHOWN_BITS (1u << FACT_CERT_SHA256 | 1u << FACT_CERT_VERIFY)
#define TLS_BITS (1u << FACT_CERT_NAME | SHOWN_BITS)
#define PROXY_TLS_BYTES 5u // at least
#define PROXY_TLS_IS 1u    // PP2_CLIENT_SSL

// Whose TLS it is that facts tell of: ours, or, in the place of that, a balancer's.
static bool do_facts_agree(const struct arrival *arrival, unsigned seen)
{
    size_t n;
    const uint8_t *word = facts_look(arrival->facts, arrival->facts_bytes, FACT_PROXY_TLS, &n);
    if (seen & 1u << FACT_PROXY_TLS)
        return word && n >= PROXY_TLS_BYTES && word[0] & PROXY_TLS_IS && !(seen & SHOWN_BITS);
    return !(seen & 1u << FACT_PROXY_CIPHER) && (arrival->tls_version || !(seen & TLS_BITS));
}

// Those that a handshake or a balancer shows, each once, of the length that it has. A host's name is
// not among them: it is looked up for who is in.
static bool are_facts_possible(const struct arrival *arrival)
{
    static const uint8_t length[] = {
        [FACT_SNI] = 0,         [FACT_ALPN] = 0,      [FACT_CERT_NAME] = 0, [FACT_CERT_SHA256] = 32,
        [FACT_CERT_VERIFY] = 4, [FACT_PROXY_TO] = 18, [FACT_LAST] = 0};
    unsigned seen = 0;
    for (size_t at = 0; at < arrival->facts_bytes; at += 2u + arrival->facts[at + 1]) {
        unsigned fact = arrival->facts[at];
        if (fact < FACT_SNI || fact > FACT_LAST || seen & 1u << fact ||
            (length[fact] && arrival->facts[at + 1] != length[fact]))
            return false;
        seen |= 1u << fact;
    }
    return do_facts_agree(arrival, seen);
}

const char *arrival_doubt(const struct arrival *arrival)
{
    if (arrival->listener >= VAULT_LISTENERS)
        return "a listener that there is not";
    if (!facts_are_whole(arrival->facts, arrival->facts_bytes))
        return "facts that are cut short";
    if (!are_facts_possible(arrival))
        return "facts that neither a handshake nor a balancer shows";
    return arrival->tls_version ? doubt_tls(arrival) : NULL;
}

// Version, cipher and write limit are ones that the record layer knows (I12).
void arrival_fill(struct slot *slot, const struct arrival *arrival)
{
    memcpy(slot->address, arrival->address, sizeof slot->address);
    slot->port = arrival->port;
    slot->listener = arrival->listener;
    memcpy(slot->facts, arrival->facts, sizeof slot->facts);
    slot->facts_bytes = arrival->facts_bytes;
    if (!arrival->tls_version)
        return;
    slot->flags |= SLOT_FLAG_TLS;
    slot->tls_version = arrival->tls_version;
    slot->suite = arrival->suite;
    slot->cipher = arrival->cipher;
    slot->write_limit = arrival->write_limit;
    for (unsigned dir = 0; dir < 2; dir++) {
        slot->keys[dir] = arrival->keys[dir];
        slot->flow[dir].copy[0].record.seq = arrival->seq[dir];
    }
}
