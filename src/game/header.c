// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Header writers (header.h). PROXY protocol: haproxy's proxy-protocol.txt,
// sections 2.1 (v1) and 2.2 (v2, TLVs). Errors: none.
#include "game/header.h"

#include "base/address.h"
#include "base/bytes.h"
#include "record/suites.h"
#include "vault/facts.h"
#include "vault/slot.h"

#include <stdio.h>
#include <string.h>

// PennMUSH cuts a longer name, and a name that is cut is no host's.
#define PENNMUSH_HOST_BYTES 99u

enum tlv {
    TLV_ALPN = 0x01,
    TLV_AUTHORITY = 0x02,
    TLV_UNIQUE_ID = 0x05,
    TLV_SSL = 0x20,
    TLV_SSL_VERSION = 0x21,
    TLV_SSL_CN = 0x22,
    TLV_SSL_CIPHER = 0x23,
};

enum ssl_client { CLIENT_SSL = 1, CLIENT_CERT_CONN = 2, CLIENT_CERT_SESS = 4 };
#define CLIENT_CERT (CLIENT_CERT_CONN | CLIENT_CERT_SESS)

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

static size_t put_tlv(uint8_t *out, uint8_t type, const void *bytes, size_t n)
{
    out[0] = type;
    bytes_put16(out + 1, (uint16_t)n);
    memcpy(out + 3, bytes, n);
    return 3 + n;
}

static size_t put_text(uint8_t *out, uint8_t type, const char *text)
{
    return text ? put_tlv(out, type, text, strlen(text)) : 0;
}

static size_t put_fact(uint8_t *out, uint8_t type, const struct slot *slot, enum fact fact)
{
    size_t n = 0;
    const uint8_t *bytes = facts_find(slot, fact, &n);
    return bytes ? put_tlv(out, type, bytes, n) : 0;
}

static size_t end_ssl(uint8_t *out, size_t at)
{
    out[0] = TLV_SSL;
    bytes_put16(out + 1, (uint16_t)(at - 3));
    return at;
}

// The player speaks TLS with a balancer, and this is the balancer's word. What it calls verified
// without a certificate is not.
static size_t put_proxy_ssl(uint8_t *out, const struct slot *slot, const uint8_t *word, size_t n)
{
    size_t at = 3;
    out[at++] = word[0] & (CLIENT_SSL | CLIENT_CERT);
    bytes_put32(out + at, word[0] & CLIENT_CERT ? bytes_get32(word + 1) : 1);
    at += 4;
    if (n > 5)
        at += put_tlv(out + at, TLV_SSL_VERSION, word + 5, n - 5);
    at += put_fact(out + at, TLV_SSL_CN, slot, FACT_CERT_NAME);
    at += put_fact(out + at, TLV_SSL_CIPHER, slot, FACT_PROXY_CIPHER);
    return end_ssl(out, at);
}

// Of the TLS that the player speaks, if it does.
static size_t put_ssl(uint8_t *out, const struct slot *slot)
{
    size_t n_word = 0;
    const uint8_t *word = facts_find(slot, FACT_PROXY_TLS, &n_word);
    if (word && n_word >= 5 && word[0] & CLIENT_SSL)
        return put_proxy_ssl(out, slot, word, n_word);
    if (!slot_is_tls(slot))
        return 0;
    size_t n_verify = 0;
    const uint8_t *verify = facts_find(slot, FACT_CERT_VERIFY, &n_verify);
    const struct suite *suite = suite_find(slot->suite);
    size_t at = 3;
    out[at++] = (uint8_t)(CLIENT_SSL | (verify ? CLIENT_CERT_CONN | CLIENT_CERT_SESS : 0));
    // Zero says: a certificate was shown and verified.
    bytes_put32(out + at, verify && n_verify == 4 ? bytes_get32(verify) : 1);
    at += 4;
    at += put_text(out + at, TLV_SSL_VERSION, suite_version_name(slot->tls_version));
    at += put_fact(out + at, TLV_SSL_CN, slot, FACT_CERT_NAME);
    at += put_text(out + at, TLV_SSL_CIPHER, suite ? suite->name : NULL);
    return end_ssl(out, at);
}

static size_t put_addresses(uint8_t *out, const struct slot *slot, const uint8_t to[16],
                            uint16_t to_port)
{
    // Mapped IPv4 keeps its number in the last four bytes.
    size_t n = address_is_ipv4(slot->address) && address_is_ipv4(to) ? 4 : 16;
    memcpy(out, slot->address + 16 - n, n);
    memcpy(out + n, to + 16 - n, n);
    bytes_put16(out + 2 * n, slot->port);
    bytes_put16(out + 2 * n + 2, to_port);
    return 2 * n + 4;
}

static size_t put_resumed(uint8_t *out, const struct header_resumed *resumed)
{
    uint8_t value[16 + VAULT_RESUME_BYTES];
    bytes_put64(value, resumed->input);
    bytes_put64(value + 8, resumed->output);
    memcpy(value + 16, resumed->state, resumed->n_state);
    size_t n = put_tlv(out, HEADER_TLV_RESUMED, value, 16 + resumed->n_state);
    explicit_bzero(value, 16 + resumed->n_state); // it may be a secret
    return n;
}

static size_t write_v2(const struct slot *slot, const uint8_t to[16], uint16_t to_port,
                       const struct header_resumed *resumed, uint8_t *out)
{
    memcpy(out, signature, sizeof signature);
    out[12] = 0x21; // version 2, PROXY
    size_t at = 16;
    size_t n_addresses = put_addresses(out + at, slot, to, to_port);
    out[13] = n_addresses == 12 ? 0x11 : 0x21; // TCP over IPv4, IPv6
    at += n_addresses;
    at += put_tlv(out + at, TLV_UNIQUE_ID, slot->id, sizeof slot->id);
    at += put_fact(out + at, TLV_AUTHORITY, slot, FACT_SNI);
    at += put_fact(out + at, TLV_ALPN, slot, FACT_ALPN);
    at += put_fact(out + at, HEADER_TLV_HOST, slot, FACT_HOST);
    at += put_fact(out + at, HEADER_TLV_CERT_SHA256, slot, FACT_CERT_SHA256);
    at += put_fact(out + at, HEADER_TLV_PROXY_ID, slot, FACT_PROXY_ID);
    at += put_ssl(out + at, slot);
    if (resumed)
        at += put_resumed(out + at, resumed);
    bytes_put16(out + 14, (uint16_t)(at - 16));
    return at;
}

// Version 1 has no form for two families. What counts is the player's, and what is written of the
// other address must be of the same: none, then. UNKNOWN would say nothing of the player.
static size_t write_v1(const struct slot *slot, const uint8_t to[16], uint16_t to_port,
                       uint8_t *out)
{
    char from_text[ADDRESS_TEXT_BYTES];
    char to_text[ADDRESS_TEXT_BYTES];
    const bool is_ipv4 = address_is_ipv4(slot->address);
    address_print(from_text, slot->address);
    if (address_is_ipv4(to) == is_ipv4)
        address_print(to_text, to);
    else
        strcpy(to_text, is_ipv4 ? "0.0.0.0" : "::");
    return (size_t)snprintf((char *)out, HEADER_MAX_BYTES, "PROXY %s %s %s %u %u\r\n",
                            is_ipv4 ? "TCP4" : "TCP6", from_text, to_text, slot->port, to_port);
}

static size_t write_pennmush(const struct slot *slot, uint8_t *out)
{
    char text[ADDRESS_TEXT_BYTES];
    size_t n = 0;
    const uint8_t *host = facts_find(slot, FACT_HOST, &n);
    address_print(text, slot->address);
    if (!host || n > PENNMUSH_HOST_BYTES)
        return (size_t)snprintf((char *)out, HEADER_MAX_BYTES, "%s^%s\r\n", text, text);
    return (size_t)snprintf((char *)out, HEADER_MAX_BYTES, "%s^%.*s\r\n", text, (int)n,
                            (const char *)host);
}

size_t header_write(enum conf_header header, const struct slot *slot, const uint8_t to[16],
                    uint16_t to_port, const struct header_resumed *resumed,
                    uint8_t out[HEADER_MAX_BYTES])
{
    switch (header) {
    case CONF_PROXY_V2:
        return write_v2(slot, to, to_port, resumed, out);
    case CONF_PROXY_V1:
        return write_v1(slot, to, to_port, out);
    case CONF_PENNMUSH:
        return write_pennmush(slot, out);
    case CONF_HEADER_NONE:
        break;
    }
    return 0;
}

#define FORWARDED_FRAME_BYTES 8u // what stands around the name

size_t header_write_forwarded(const struct slot *slot, uint8_t out[HEADER_FORWARDED_BYTES])
{
    char text[ADDRESS_TEXT_BYTES];
    size_t n_host = 0;
    const char *host = (const char *)facts_find(slot, FACT_HOST, &n_host);
    if (!host) {
        host = address_print(text, slot->address);
        n_host = strlen(host);
    }
    if (n_host > HEADER_FORWARDED_BYTES - FORWARDED_FRAME_BYTES - 1)
        n_host = HEADER_FORWARDED_BYTES - FORWARDED_FRAME_BYTES - 1;
    return (size_t)snprintf((char *)out, HEADER_FORWARDED_BYTES,
                            "\xff\xfb\x71\xff\xfa\x71%.*s\xff\xf0", (int)n_host, host);
}
