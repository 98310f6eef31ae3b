// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Internet addresses in three forms; see address.h. Nothing here asks a name
// server: a name in the configuration would make starting depend on one.
//
// Errors: returned in words.
#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool parse_port(const char *text, uint16_t *port)
{
    if (*text < '0' || *text > '9' || strlen(text) > 5)
        return false;
    char *end;
    long value = strtol(text, &end, 10);
    if (*end || value < 1 || value > 65535)
        return false;
    *port = (uint16_t)value;
    return true;
}

static bool make_sockaddr(const char *host, uint16_t port, bool is_ipv6,
                          struct sockaddr_storage *address, socklen_t *n_bytes)
{
    memset(address, 0, sizeof *address);
    if (is_ipv6) {
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        *n_bytes = sizeof *in6;
        return inet_pton(AF_INET6, host, &in6->sin6_addr) == 1;
    }
    struct sockaddr_in *in = (struct sockaddr_in *)address;
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    *n_bytes = sizeof *in;
    return inet_pton(AF_INET, host, &in->sin_addr) == 1;
}

// Split text into host and what follows it (":PORT" or ""). Brackets mean IPv6, as do two colons.
static const char *split_host(const char *text, char *host, size_t host_size, bool *is_ipv6)
{
    const char *rest;
    size_t n_host;
    if (*text == '[') {
        *is_ipv6 = true;
        rest = strchr(++text, ']');
        if (!rest)
            return NULL;
        n_host = (size_t)(rest++ - text);
    } else {
        rest = strchr(text, ':');
        *is_ipv6 = rest && strchr(rest + 1, ':');
        if (!rest || *is_ipv6)
            rest = text + strlen(text);
        n_host = (size_t)(rest - text);
    }
    if (n_host == 0 || n_host >= host_size)
        return NULL;
    memcpy(host, text, n_host);
    host[n_host] = '\0';
    return rest;
}

const char *address_parse(const char *text, uint16_t default_port, struct sockaddr_storage *address,
                          socklen_t *n_bytes)
{
    char host[INET6_ADDRSTRLEN];
    bool is_ipv6 = false;
    uint16_t port = default_port;
    const char *rest = split_host(text, host, sizeof host, &is_ipv6);
    if (!rest || !make_sockaddr(host, 0, is_ipv6, address, n_bytes))
        return default_port ? "not a numeric address; write 192.0.2.53 or [2001:db8::53]:53"
                            : "not a numeric address; write 192.0.2.7:4202 or "
                              "[2001:db8::1]:4202 ([::] and 0.0.0.0 mean all)";
    if (*rest == '\0' && default_port == 0)
        return "the port is missing; write 192.0.2.7:4202 or [2001:db8::1]:4202";
    if (*rest != '\0' && (*rest != ':' || !parse_port(rest + 1, &port)))
        return "the port is wrong; it is a number from 1 to 65535";
    make_sockaddr(host, port, is_ipv6, address, n_bytes);
    uint8_t bytes[16];
    address_to_bytes((const struct sockaddr *)address, bytes, &port);
    *n_bytes = address_from_bytes(bytes, port, address); // mapped addresses are IPv4 from here on
    return NULL;
}

bool address_to_bytes(const struct sockaddr *address, uint8_t bytes[16], uint16_t *port)
{
    uint16_t found_port = 0;
    bool is_known = true;
    memset(bytes, 0, 16);
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        memcpy(bytes, mapped_prefix, 12);
        memcpy(bytes + 12, &in->sin_addr, 4);
        found_port = ntohs(in->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        memcpy(bytes, &in6->sin6_addr, 16);
        found_port = ntohs(in6->sin6_port);
    } else {
        is_known = false;
    }
    if (port)
        *port = found_port;
    return is_known;
}

socklen_t address_from_bytes(const uint8_t bytes[16], uint16_t port,
                             struct sockaddr_storage *address)
{
    memset(address, 0, sizeof *address);
    if (address_is_ipv4(bytes)) {
        struct sockaddr_in *in = (struct sockaddr_in *)address;
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, bytes + 12, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)address;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(port);
    memcpy(&in6->sin6_addr, bytes, 16);
    return sizeof *in6;
}

bool address_is_ipv4(const uint8_t bytes[16])
{
    return memcmp(bytes, mapped_prefix, 12) == 0;
}

bool address_is_loopback(const struct sockaddr *address)
{
    uint8_t bytes[16];
    if (!address_to_bytes(address, bytes, NULL))
        return false;
    if (address_is_ipv4(bytes))
        return bytes[12] == 127;
    return memcmp(bytes, &in6addr_loopback, 16) == 0;
}

const char *address_print(char text[ADDRESS_TEXT_BYTES], const uint8_t bytes[16])
{
    if (address_is_ipv4(bytes))
        inet_ntop(AF_INET, bytes + 12, text, ADDRESS_TEXT_BYTES);
    else
        inet_ntop(AF_INET6, bytes, text, ADDRESS_TEXT_BYTES);
    return text;
}

const char *address_print_port(char text[ADDRESS_TEXT_BYTES], const struct sockaddr *address)
{
    uint8_t bytes[16];
    uint16_t port;
    char host[ADDRESS_TEXT_BYTES];
    if (!address_to_bytes(address, bytes, &port))
        snprintf(text, ADDRESS_TEXT_BYTES, "-");
    else if (address_is_ipv4(bytes))
        snprintf(text, ADDRESS_TEXT_BYTES, "%.15s:%u", address_print(host, bytes), port);
    else
        snprintf(text, ADDRESS_TEXT_BYTES, "[%.45s]:%u", address_print(host, bytes), port);
    return text;
}
