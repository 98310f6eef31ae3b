// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Parses PROXY protocol version 2 (proxy.h). Sans-I/O; reads nothing beyond the bytes it was
// given, allocates nothing. Errors: STAY_PROXY_BAD.
#include "proxy.h"

#include "text.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t signature[12] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                      0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};

enum { COMMAND_LOCAL = 0x20, COMMAND_PROXY = 0x21 }; // version 2 in the upper half

enum { FAMILY_UNSPEC = 0, FAMILY_INET = 1, FAMILY_INET6 = 2, FAMILY_UNIX = 3 };

enum {
    TLV_ALPN = 0x01,
    TLV_AUTHORITY = 0x02,
    TLV_UNIQUE_ID = 0x05,
    TLV_SSL = 0x20,
    TLV_SSL_VERSION = 0x21,
    TLV_SSL_CN = 0x22,
    TLV_SSL_CIPHER = 0x23,
    TLV_HOST = 0xe0,        // stayd's own
    TLV_FINGERPRINT = 0xe1, // stayd's own
    TLV_RESUMED = 0xe2,     // stayd's own
};

enum { SSL_CLIENT_SSL = 0x01, SSL_CLIENT_CERT_CONN = 0x02, SSL_CLIENT_CERT_SESS = 0x04 };

enum {
    INET_BYTES = 12,
    INET6_BYTES = 36,
    UNIX_BYTES = 216,
    TLV_HEADER_BYTES = 3,
    SSL_BYTES = 5,
    RESUMED_BYTES = 16
};

struct span {
    const uint8_t *at;
    size_t n;
};

struct tlv {
    uint8_t type;
    struct span value;
};

static uint16_t get16(const uint8_t *at)
{
    return (uint16_t)(at[0] << 8 | at[1]);
}

// Cut the next TLV off rest. False: what is left is not a whole one.
static bool next_tlv(struct span *rest, struct tlv *tlv)
{
    if (rest->n < TLV_HEADER_BYTES || rest->n - TLV_HEADER_BYTES < get16(rest->at + 1))
        return false;
    tlv->type = rest->at[0];
    tlv->value = (struct span){rest->at + TLV_HEADER_BYTES, get16(rest->at + 1)};
    rest->at = tlv->value.at + tlv->value.n;
    rest->n -= TLV_HEADER_BYTES + tlv->value.n;
    return true;
}

static void set_inet(struct sockaddr_storage *to, const uint8_t *address, const uint8_t *port)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    memcpy(&in.sin_addr, address, sizeof in.sin_addr);
    memcpy(&in.sin_port, port, sizeof in.sin_port);
    memcpy(to, &in, sizeof in);
}

// A player who came by IPv4 to an IPv6 listener is an IPv4 player: sitelocks are written that way.
static void set_inet6(struct sockaddr_storage *to, const uint8_t *address, const uint8_t *port)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    memcpy(&in6.sin6_addr, address, sizeof in6.sin6_addr);
    memcpy(&in6.sin6_port, port, sizeof in6.sin6_port);
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
        set_inet(to, address + 12, port);
    else
        memcpy(to, &in6, sizeof in6);
}

static void name_address(struct stay_player *player)
{
    const void *address = &((const struct sockaddr_in6 *)&player->sockaddr)->sin6_addr;
    if (player->sockaddr.ss_family == AF_INET)
        address = &((const struct sockaddr_in *)&player->sockaddr)->sin_addr;
    inet_ntop(player->sockaddr.ss_family, address, player->address, sizeof player->address);
}

// Take the address block off rest. False: it is cut short, or of a kind that does not exist.
static bool take_addresses(uint8_t kind, struct span *rest, struct stay_player *player)
{
    static const uint8_t sizes[] = {0, INET_BYTES, INET6_BYTES, UNIX_BYTES};
    unsigned family = kind >> 4;
    if (family > FAMILY_UNIX || (kind & 0x0f) > 2 || rest->n < sizes[family])
        return false;
    const uint8_t *at = rest->at;
    if (family == FAMILY_INET) {
        set_inet(&player->sockaddr, at, at + 8);
        set_inet(&player->local, at + 4, at + 10);
        player->port = get16(at + 8);
        player->local_port = get16(at + 10);
        name_address(player);
    } else if (family == FAMILY_INET6) {
        set_inet6(&player->sockaddr, at, at + 32);
        set_inet6(&player->local, at + 16, at + 34);
        player->port = get16(at + 32);
        player->local_port = get16(at + 34);
        name_address(player);
    }
    rest->at += sizes[family];
    rest->n -= sizes[family];
    return true;
}

static bool take_ssl(struct span value, struct stay_player *player)
{
    if (value.n < SSL_BYTES)
        return false;
    uint8_t client = value.at[0];
    static const uint8_t zero[4];
    player->is_tls = (client & SSL_CLIENT_SSL) != 0;
    player->has_certificate = (client & (SSL_CLIENT_CERT_CONN | SSL_CLIENT_CERT_SESS)) != 0;
    player->is_verified = player->has_certificate && memcmp(value.at + 1, zero, sizeof zero) == 0;
    struct span rest = {value.at + SSL_BYTES, value.n - SSL_BYTES};
    struct tlv tlv;
    while (rest.n > 0) {
        if (!next_tlv(&rest, &tlv))
            return false;
        const uint8_t *at = tlv.value.at;
        if (tlv.type == TLV_SSL_VERSION)
            stay_text_take(player->tls_version, sizeof player->tls_version, at, tlv.value.n);
        else if (tlv.type == TLV_SSL_CIPHER)
            stay_text_take(player->tls_cipher, sizeof player->tls_cipher, at, tlv.value.n);
        else if (tlv.type == TLV_SSL_CN)
            stay_text_take(player->tls_name, sizeof player->tls_name, at, tlv.value.n);
    }
    return true;
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value = 0;
    for (size_t i = 0; i < 8; i++)
        value = value << 8 | at[i];
    return value;
}

static bool take_resumed(struct span value, struct stay_player *player)
{
    if (value.n < RESUMED_BYTES)
        return false;
    player->origin = STAY_RESUMED;
    player->n_input = get64(value.at);
    player->n_output = get64(value.at + 8);
    player->state = value.at + RESUMED_BYTES;
    player->n_state = value.n - RESUMED_BYTES;
    return true;
}

// Types that are not known are passed over, as the specification asks.
static bool take_tlv(const struct tlv *tlv, struct stay_player *player)
{
    struct span value = tlv->value;
    switch (tlv->type) {
    case TLV_ALPN:
        stay_text_take(player->alpn, sizeof player->alpn, value.at, value.n);
        break;
    case TLV_AUTHORITY:
        stay_text_take_host(player->sni, sizeof player->sni, value.at, value.n);
        break;
    case TLV_HOST:
        stay_text_take_host(player->host, sizeof player->host, value.at, value.n);
        break;
    case TLV_UNIQUE_ID:
        player->has_id = value.n == STAY_ID_BYTES;
        if (player->has_id)
            memcpy(player->id, value.at, STAY_ID_BYTES);
        break;
    case TLV_FINGERPRINT:
        if (value.n == STAY_FINGERPRINT_BYTES)
            memcpy(player->fingerprint, value.at, STAY_FINGERPRINT_BYTES);
        break;
    case TLV_SSL:
        return take_ssl(value, player);
    case TLV_RESUMED:
        return take_resumed(value, player);
    default:
        break;
    }
    return true;
}

// LOCAL is the sender speaking for itself (a health check); its block says nothing.
static bool take_block(const uint8_t *in, struct span rest, struct stay_player *player)
{
    snprintf(player->address, sizeof player->address, "local");
    if (in[12] == COMMAND_LOCAL || in[13] >> 4 == FAMILY_UNSPEC)
        return true;
    if (!take_addresses(in[13], &rest, player))
        return false;
    struct tlv tlv;
    while (rest.n > 0)
        if (!next_tlv(&rest, &tlv) || !take_tlv(&tlv, player))
            return false;
    return true;
}

enum stay_proxy_status stay_proxy_parse(const uint8_t *in, size_t n_in, struct stay_player *player,
                                        size_t *n_wanted)
{
    *n_wanted = STAY_PROXY_FIXED_BYTES;
    size_t n_signed = n_in < sizeof signature ? n_in : sizeof signature;
    if (n_signed > 0 && memcmp(in, signature, n_signed) != 0)
        return STAY_PROXY_BAD;
    if (n_in > 12 && in[12] != COMMAND_LOCAL && in[12] != COMMAND_PROXY)
        return STAY_PROXY_BAD;
    if (n_in < STAY_PROXY_FIXED_BYTES)
        return STAY_PROXY_MORE;
    size_t n_block = get16(in + 14);
    *n_wanted = STAY_PROXY_FIXED_BYTES + n_block;
    if (n_in < *n_wanted)
        return STAY_PROXY_MORE;
    memset(player, 0, sizeof *player);
    player->fd = -1;
    struct span block = {in + STAY_PROXY_FIXED_BYTES, n_block};
    return take_block(in, block, player) ? STAY_PROXY_DONE : STAY_PROXY_BAD;
}
