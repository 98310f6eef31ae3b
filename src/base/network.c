// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Networks (network.h). Errors: returned in words.
#include "base/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define IPV4_BITS 96u // that are before an IPv4 address in its 16-byte form

struct network network_of(const uint8_t address[16], uint8_t bits)
{
    struct network network = {.bits = bits};
    memcpy(network.address, address, bits / 8u);
    if (bits % 8u)
        network.address[bits / 8u] = address[bits / 8u] & (uint8_t)(0xff00u >> bits % 8u);
    return network;
}

bool network_is_same(const struct network *one, const struct network *other)
{
    return one->bits == other->bits && memcmp(one->address, other->address, 16) == 0;
}

static bool parse_address(const char *text, uint8_t bytes[16])
{
    uint8_t four[4];
    if (inet_pton(AF_INET6, text, bytes) == 1)
        return true;
    if (inet_pton(AF_INET, text, four) != 1)
        return false;
    memset(bytes, 0, 10);
    memset(bytes + 10, 0xff, 2);
    memcpy(bytes + 12, four, 4);
    return true;
}

// One to three digits, not more than `most`.
static bool parse_bits(const char *text, unsigned most, uint8_t *bits)
{
    unsigned number = 0;
    size_t n = strspn(text, "0123456789");
    if (n == 0 || n > 3 || text[n])
        return false;
    for (size_t i = 0; i < n; i++)
        number = 10 * number + (unsigned)(text[i] - '0');
    *bits = (uint8_t)number;
    return number <= most;
}

const char *network_parse(const char *text, struct network *network)
{
    char host[INET6_ADDRSTRLEN];
    uint8_t bytes[16];
    uint8_t bits = 0;
    size_t n_host = strcspn(text, "/");
    if (n_host >= sizeof host)
        return "not a network; write 192.0.2.0/24, 2001:db8::/32 or an address";
    memcpy(host, text, n_host);
    host[n_host] = '\0';
    if (!parse_address(host, bytes))
        return "not a network; write 192.0.2.0/24, 2001:db8::/32 or an address";
    bool is_four = strchr(host, ':') == NULL;
    if (text[n_host] == '\0')
        bits = 128;
    else if (!parse_bits(text + n_host + 1, is_four ? 32 : 128, &bits))
        return is_four ? "the bits behind the / are wrong; they are a number from 0 to 32"
                       : "the bits behind the / are wrong; they are a number from 0 to 128";
    else if (is_four)
        bits = (uint8_t)(bits + IPV4_BITS);
    *network = network_of(bytes, bits);
    if (memcmp(network->address, bytes, 16) != 0)
        return "the address goes on behind the network's bits; write zeros there, or more bits";
    return NULL;
}

const char *network_print(char text[NETWORK_TEXT_BYTES], const struct network *network)
{
    bool is_four = address_is_ipv4(network->address) && network->bits >= IPV4_BITS;
    address_print(text, network->address);
    size_t n = strlen(text);
    if (network->bits < 128)
        snprintf(text + n, NETWORK_TEXT_BYTES - n, "/%u",
                 is_four ? network->bits - IPV4_BITS : network->bits);
    return text;
}
