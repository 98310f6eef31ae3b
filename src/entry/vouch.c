// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Facts from a balancer (vouch.h). Errors: logged.
#include "entry/vouch.h"

#include "base/address.h"
#include "base/bytes.h"
#include "base/log.h"
#include "vault/facts.h"

#include <string.h>

// What is left for the host name, which is found later: whole for what a TLS handshake of ours would
// show as well (takeover.c), a usual one's length for the rest.
#define HOST_ROOM 130u
#define USUAL_HOST_ROOM 66u
#define MOST_VERSION 16u
#define TO_BYTES 18u

static void add(struct arrival *arrival, enum fact fact, struct proxy_span span, size_t room)
{
    char address[ADDRESS_TEXT_BYTES];
    size_t n;
    if (span.n == 0 || facts_look(arrival->facts, arrival->facts_bytes, fact, &n))
        return;
    if (arrival->facts_bytes + 2u + span.n + room > SLOT_FACTS_BYTES ||
        !facts_put(arrival->facts, &arrival->facts_bytes, fact, span.at, span.n))
        log_event(LOG_DROPPED_FACT, "address=%s fact=%d bytes=%zu",
                  address_print(address, arrival->address), (int)fact, span.n);
}

// A name that a program has asked for: no zero in it.
static struct proxy_span name_of(struct proxy_span span)
{
    bool is_name = span.n > 0 && !memchr(span.at, '\0', span.n);
    return is_name ? span : (struct proxy_span){.n = 0};
}

static void add_tls(struct arrival *arrival, const struct proxy *proxy)
{
    uint8_t word[5 + MOST_VERSION] = {proxy->client};
    size_t n_version = proxy->version.n <= MOST_VERSION ? proxy->version.n : 0;
    bytes_put32(word + 1, proxy->verify);
    if (n_version > 0)
        memcpy(word + 5, proxy->version.at, n_version);
    add(arrival, FACT_PROXY_TLS, (struct proxy_span){word, 5 + n_version}, HOST_ROOM);
    if (proxy->client & PROXY_CLIENT_CERT)
        add(arrival, FACT_CERT_NAME, proxy->name, HOST_ROOM);
}

static void add_to(struct arrival *arrival, const struct proxy *proxy)
{
    uint8_t to[TO_BYTES];
    memcpy(to, proxy->to, 16);
    bytes_put16(to + 16, proxy->to_port);
    add(arrival, FACT_PROXY_TO, (struct proxy_span){to, sizeof to}, USUAL_HOST_ROOM);
}

// The facts begin anew. Returns the name that was asked for, as far as there is one, in `kept`.
static struct proxy_span forget(struct arrival *arrival, uint8_t kept[UINT8_MAX])
{
    size_t n = 0;
    const uint8_t *name = facts_look(arrival->facts, arrival->facts_bytes, FACT_SNI, &n);
    if (name)
        memcpy(kept, name, n);
    memset(arrival->facts, 0, sizeof arrival->facts);
    arrival->facts_bytes = 0;
    return (struct proxy_span){kept, name ? n : 0};
}

void vouch_fill(struct arrival *arrival, const struct proxy *proxy)
{
    uint8_t kept[UINT8_MAX];
    struct proxy_span asked = {.n = 0};
    if (proxy->is_tls) {
        asked = forget(arrival, kept);
        add_tls(arrival, proxy);
    }
    add(arrival, FACT_SNI, name_of(proxy->authority), HOST_ROOM);
    add(arrival, FACT_SNI, asked, HOST_ROOM);
    add(arrival, FACT_ALPN, proxy->alpn, HOST_ROOM);
    add(arrival, FACT_PROXY_ID, proxy->id, USUAL_HOST_ROOM);
    if (proxy->is_named)
        add_to(arrival, proxy);
    if (proxy->is_tls)
        add(arrival, FACT_PROXY_CIPHER, proxy->cipher, USUAL_HOST_ROOM);
}
