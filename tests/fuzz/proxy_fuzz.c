// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Headers of the PROXY protocol from balancers, and whatever else begins a connection. Held: a header
// has the same end however many bytes of it, and behind it, have come; it is within its bounds;
// every text that it says lies within it; what is wrong says nothing; its facts raise no doubt; and
// stayd's own headers, version 1 and 2, are read as they were meant.
//
// Input: a byte (bit 0: the player has shaken hands with us, too), then the connection's first bytes.
//
// Errors: abort.
#include "entry/proxy.h"
#include "entry/vouch.h"
#include "fuzz.h"
#include "game/header.h"
#include "vault/facts.h"

static void hold_end(const uint8_t *bytes, size_t size, enum proxy_look look, size_t n_header)
{
    for (size_t n = 0; n < size; n++) {
        size_t n_there;
        enum proxy_look part = proxy_look(bytes, n, &n_there);
        if (look == PROXY_WHOLE)
            hold(part == (n < n_header ? PROXY_MORE : PROXY_WHOLE) &&
                 n_there == (n < n_header ? 0 : n_header));
        else
            hold(part == PROXY_MORE || part == look);
    }
}

static void hold_span(struct proxy_span span, const uint8_t *bytes, size_t n)
{
    hold(span.n == 0 || (span.at > bytes && span.at + span.n <= bytes + n));
}

static void hold_facts(const struct proxy *proxy, bool is_shaken)
{
    struct arrival arrival = {
        .tls_version = is_shaken ? 0x0304 : 0, .suite = 0x1301, .write_limit = 16384};
    if (is_shaken) {
        facts_put(arrival.facts, &arrival.facts_bytes, FACT_CERT_VERIFY, "\0\0\0\0", 4);
        facts_put(arrival.facts, &arrival.facts_bytes, FACT_SNI, "mush.example", 12);
    }
    vouch_fill(&arrival, proxy);
    hold(arrival_doubt(&arrival) == NULL);
    size_t n;
    hold((facts_look(arrival.facts, arrival.facts_bytes, FACT_PROXY_TLS, &n) != NULL) ==
         proxy->is_tls);
}

// What was read, written by us and read anew.
static void hold_again(const struct proxy *proxy)
{
    uint8_t header[HEADER_MAX_BYTES];
    struct slot slot = {.port = proxy->from_port, .id = {1, 2, 3}};
    struct proxy again;
    memcpy(slot.address, proxy->from, sizeof slot.address);
    for (int is_v1 = 0; is_v1 < 2; is_v1++) {
        size_t n = header_write(is_v1 ? CONF_PROXY_V1 : CONF_PROXY_V2, &slot, proxy->to,
                                proxy->to_port, NULL, header);
        hold(proxy_begins(header, n) && proxy_read(header, n, &again) == NULL && again.is_named);
        hold(memcmp(again.from, proxy->from, 16) == 0 && again.from_port == proxy->from_port);
        hold(again.to_port == proxy->to_port);
        hold(is_v1 || (again.id.n == 16 && memcmp(again.id.at, slot.id, 16) == 0));
    }
}

static void read_whole(const uint8_t *bytes, size_t n, bool is_shaken)
{
    struct proxy proxy;
    const char *wrong = proxy_read(bytes, n, &proxy);
    hold_span(proxy.version, bytes, n);
    hold_span(proxy.cipher, bytes, n);
    hold_span(proxy.name, bytes, n);
    hold_span(proxy.authority, bytes, n);
    hold_span(proxy.alpn, bytes, n);
    hold_span(proxy.id, bytes, n);
    hold(!(wrong || proxy.is_local) || !(proxy.is_named || proxy.is_tls || proxy.id.n > 0));
    if (wrong)
        return;
    hold_facts(&proxy, is_shaken);
    if (proxy.is_named)
        hold_again(&proxy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    const bool is_shaken = fuzz_byte(&input) & 1;
    size_t n_header;
    char *text = fuzz_string(input.at, input.n);
    const uint8_t *bytes = (const uint8_t *)text;
    enum proxy_look look = proxy_look(bytes, input.n, &n_header);
    hold_end(bytes, input.n, look, n_header);
    hold(look == PROXY_WHOLE ? n_header > 0 && n_header <= input.n : n_header == 0);
    hold(n_header <= (bytes[0] == 'P' ? PROXY_V1_BYTES : PROXY_BYTES) || input.n == 0);
    if (look == PROXY_WHOLE) {
        uint8_t *header = malloc(n_header); // ASan sees a read past its end
        hold(header != NULL);
        memcpy(header, bytes, n_header);
        read_whole(header, n_header, is_shaken);
        free(header);
    }
    free(text);
    return 0;
}
