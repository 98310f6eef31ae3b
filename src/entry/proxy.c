// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Headers of the PROXY protocol, both versions (proxy.h). Errors: words.
#include "entry/proxy.h"

#include "base/address.h"
#include "base/bytes.h"

#include <arpa/inet.h>
#include <string.h>

#define V2_HEAD_BYTES 16u
#define SIGNATURE_BYTES 12u

static const uint8_t signature[SIGNATURE_BYTES] = {0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d,
                                                   0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a};
static const char word[] = "PROXY ";
#define WORD_BYTES (sizeof word - 1)

enum tlv {
    TLV_ALPN = 0x01,
    TLV_AUTHORITY = 0x02,
    TLV_CRC32C = 0x03,
    TLV_UNIQUE_ID = 0x05,
    TLV_SSL = 0x20,
    TLV_SSL_VERSION = 0x21,
    TLV_SSL_CN = 0x22,
    TLV_SSL_CIPHER = 0x23,
};

static bool agrees(const uint8_t *bytes, size_t n, const void *with, size_t n_with)
{
    return memcmp(bytes, with, n < n_with ? n : n_with) == 0;
}

static enum proxy_look look_v1(const uint8_t *bytes, size_t n, size_t *n_header)
{
    const uint8_t *end = memchr(bytes, '\n', n < PROXY_V1_BYTES ? n : PROXY_V1_BYTES);
    if (end)
        *n_header = (size_t)(end - bytes) + 1;
    if (end)
        return PROXY_WHOLE;
    return n < PROXY_V1_BYTES ? PROXY_MORE : PROXY_LONG;
}

enum proxy_look proxy_look(const uint8_t *bytes, size_t n, size_t *n_header)
{
    *n_header = 0;
    if (n == 0)
        return PROXY_MORE;
    if (agrees(bytes, n, word, WORD_BYTES))
        return look_v1(bytes, n, n_header);
    if (!agrees(bytes, n, signature, SIGNATURE_BYTES))
        return PROXY_NONE;
    if (n < V2_HEAD_BYTES)
        return PROXY_MORE;
    size_t n_all = V2_HEAD_BYTES + (size_t)bytes_get16(bytes + 14);
    if (n_all > PROXY_BYTES)
        return PROXY_LONG;
    if (n < n_all)
        return PROXY_MORE;
    *n_header = n_all;
    return PROXY_WHOLE;
}

bool proxy_begins(const uint8_t *bytes, size_t n)
{
    static const char *const lines[] = {"PROXY TCP4 ", "PROXY TCP6 ", "PROXY UNKNOWN"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (n >= strlen(lines[i]) && memcmp(bytes, lines[i], strlen(lines[i])) == 0)
            return true;
    return n >= SIGNATURE_BYTES && memcmp(bytes, signature, SIGNATURE_BYTES) == 0;
}

// A field of the line, up to the next blank or the end. False: it is empty, or there is none.
static bool take_field(char **at, char **field)
{
    *field = *at;
    if (!*at || !**at || **at == ' ')
        return false;
    char *end = strchr(*at, ' ');
    if (end)
        *end = '\0';
    *at = end ? end + 1 : NULL;
    return true;
}

static bool read_address(const char *text, int family, uint8_t address[16])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (family == AF_INET)
        memcpy(address, mapped, sizeof mapped);
    return inet_pton(family, text, family == AF_INET ? address + 12 : address) == 1;
}

// As a number is written, without zeros before it.
static bool read_port(const char *text, uint16_t *port)
{
    uint32_t number = 0;
    size_t n = strlen(text);
    if (n == 0 || n > 5 || (*text == '0' && n > 1) || strspn(text, "0123456789") != n)
        return false;
    for (; *text; text++)
        number = 10 * number + (uint32_t)(*text - '0');
    *port = (uint16_t)number;
    return number <= UINT16_MAX;
}

static const char *read_v1(const uint8_t *bytes, size_t n, struct proxy *proxy)
{
    char line[PROXY_V1_BYTES + 1];
    char *at = line + WORD_BYTES;
    char *family, *from, *to, *from_port, *to_port;
    if (n > PROXY_V1_BYTES || n < WORD_BYTES + 2 || memcmp(bytes + n - 2, "\r\n", 2) != 0)
        return "its line has no right end";
    memcpy(line, bytes, n - 2);
    line[n - 2] = '\0';
    if (strlen(line) != n - 2)
        return "a zero stands in its line";
    if (!take_field(&at, &family))
        return "it names no family of addresses";
    if (strcmp(family, "UNKNOWN") == 0) // and nothing behind that counts
        return NULL;
    int number = strcmp(family, "TCP4") == 0   ? AF_INET
                 : strcmp(family, "TCP6") == 0 ? AF_INET6
                                               : AF_UNSPEC;
    if (number == AF_UNSPEC)
        return "it names no family of addresses that is known";
    if (!take_field(&at, &from) || !take_field(&at, &to) || !take_field(&at, &from_port) ||
        !take_field(&at, &to_port) || at || !read_address(from, number, proxy->from) ||
        !read_address(to, number, proxy->to) || !read_port(from_port, &proxy->from_port) ||
        !read_port(to_port, &proxy->to_port))
        return "its addresses or ports are none";
    proxy->is_named = true;
    return NULL;
}

// The next TLV. False: there is none whole.
static bool take_tlv(struct proxy_span *rest, uint8_t *type, struct proxy_span *value)
{
    if (rest->n < 3)
        return false;
    *type = rest->at[0];
    *value = (struct proxy_span){rest->at + 3, bytes_get16(rest->at + 1)};
    if (value->n > rest->n - 3)
        return false;
    rest->at += 3 + value->n;
    rest->n -= 3 + value->n;
    return true;
}

// The first one counts.
static void note(struct proxy_span *into, struct proxy_span value)
{
    if (into->n == 0)
        *into = value;
}

static const char *read_ssl(struct proxy_span value, struct proxy *proxy)
{
    uint8_t type;
    struct proxy_span inner;
    if (value.n < 5)
        return "what it says of TLS is cut short";
    proxy->client = value.at[0];
    proxy->verify = bytes_get32(value.at + 1);
    proxy->is_tls = proxy->client & PROXY_CLIENT_SSL;
    struct proxy_span rest = {value.at + 5, value.n - 5};
    while (rest.n > 0) {
        if (!take_tlv(&rest, &type, &inner))
            return "what it says of TLS is cut short";
        if (type == TLV_SSL_VERSION)
            note(&proxy->version, inner);
        else if (type == TLV_SSL_CN)
            note(&proxy->name, inner);
        else if (type == TLV_SSL_CIPHER)
            note(&proxy->cipher, inner);
    }
    return NULL;
}

// CRC-32C (RFC 3720, appendix B.4), of the whole header with zeros in the place of the sum.
static bool is_sum(const uint8_t *bytes, size_t n, struct proxy_span value)
{
    size_t at = (size_t)(value.at - bytes);
    uint32_t sum = UINT32_MAX;
    for (size_t i = 0; i < n; i++) {
        sum ^= i >= at && i < at + 4 ? 0 : bytes[i];
        for (int bit = 0; bit < 8; bit++)
            sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78u : 0);
    }
    return value.n == 4 && bytes_get32(value.at) == ~sum;
}

static const char *read_tlvs(const uint8_t *bytes, size_t n, struct proxy_span rest,
                             struct proxy *proxy)
{
    const char *wrong = NULL;
    bool is_summed = false, has_ssl = false;
    uint8_t type;
    struct proxy_span value;
    while (!wrong && rest.n > 0) {
        if (!take_tlv(&rest, &type, &value))
            return "a TLV in it is cut short";
        if (type == TLV_ALPN)
            note(&proxy->alpn, value);
        else if (type == TLV_AUTHORITY)
            note(&proxy->authority, value);
        else if (type == TLV_UNIQUE_ID)
            note(&proxy->id, value);
        else if (type == TLV_SSL && !has_ssl) {
            has_ssl = true;
            wrong = read_ssl(value, proxy);
        } else if (type == TLV_CRC32C && !is_summed) { // once: it takes time
            is_summed = true;
            wrong = is_sum(bytes, n, value) ? NULL : "its checksum is wrong";
        }
    }
    return wrong;
}

static void take_addresses(const uint8_t *at, size_t n_address, struct proxy *proxy)
{
    uint8_t *const ends[] = {proxy->from, proxy->to};
    for (size_t i = 0; i < 2; i++) {
        if (n_address == 4)
            memcpy(ends[i], (const uint8_t[12]){[10] = 0xff, [11] = 0xff}, 12);
        memcpy(ends[i] + 16 - n_address, at + i * n_address, n_address);
    }
    proxy->from_port = bytes_get16(at + 2 * n_address);
    proxy->to_port = bytes_get16(at + 2 * n_address + 2);
    proxy->is_named = true;
}

static const char *read_v2(const uint8_t *bytes, size_t n, struct proxy *proxy)
{
    const unsigned version = bytes[12] >> 4, command = bytes[12] & 15;
    const unsigned family = bytes[13] >> 4, transport = bytes[13] & 15;
    static const uint8_t lengths[] = {0, 12, 36, 216}; // of addresses: none, IPv4, IPv6, Unix
    if (version != 2 || command > 1)
        return "its version or command is unknown";
    proxy->is_local = command == 0;
    if (proxy->is_local) // and nothing behind that counts
        return NULL;
    if (family > 3 || transport > 2)
        return "its family of addresses or transport is unknown";
    if (transport == 2 && family != 0)
        return "it is about datagrams";
    // Of no transport: as if no addresses were known, wherever they end.
    const size_t n_addresses = transport == 0 ? 0 : lengths[family];
    if (n - V2_HEAD_BYTES < n_addresses)
        return "its addresses are cut short";
    if (n_addresses && family < 3)
        take_addresses(bytes + V2_HEAD_BYTES, family == 1 ? 4 : 16, proxy);
    if (transport == 0 && family != 0)
        return NULL;
    return read_tlvs(
        bytes, n,
        (struct proxy_span){bytes + V2_HEAD_BYTES + n_addresses, n - V2_HEAD_BYTES - n_addresses},
        proxy);
}

const char *proxy_read(const uint8_t *bytes, size_t n, struct proxy *proxy)
{
    size_t n_header;
    *proxy = (struct proxy){.is_local = false};
    if (proxy_look(bytes, n, &n_header) != PROXY_WHOLE || n_header != n)
        return "it is not whole";
    const char *wrong = bytes[0] == 'P' ? read_v1(bytes, n, proxy) : read_v2(bytes, n, proxy);
    if (wrong)
        *proxy = (struct proxy){.is_local = false};
    return wrong;
}
