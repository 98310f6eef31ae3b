// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Matches sitelock patterns (sitelock.h). Errors: no match.
#include "sitelock.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct prefix {
    int family;
    unsigned n_bits;
    uint8_t address[16];
};

static bool parse_prefix(const char *pattern, struct prefix *prefix)
{
    char text[SITELOCK_MAX_BYTES + 1];
    size_t n = strcspn(pattern, "/");
    if (n >= sizeof text)
        return false;
    memcpy(text, pattern, n);
    text[n] = '\0';
    prefix->family = strchr(text, ':') ? AF_INET6 : AF_INET;
    if (inet_pton(prefix->family, text, prefix->address) != 1)
        return false;
    unsigned most = prefix->family == AF_INET6 ? 128 : 32;
    prefix->n_bits = most;
    if (pattern[n] == '/') {
        char *end;
        unsigned long n_bits = strtoul(pattern + n + 1, &end, 10);
        if (!isdigit((unsigned char)pattern[n + 1]) || *end != '\0' || n_bits > most)
            return false;
        prefix->n_bits = (unsigned)n_bits;
    }
    return true;
}

static bool is_in_prefix(const struct prefix *prefix, const struct sockaddr_storage *sockaddr)
{
    if (sockaddr->ss_family != prefix->family)
        return false;
    const uint8_t *address =
        prefix->family == AF_INET
            ? (const uint8_t *)&((const struct sockaddr_in *)sockaddr)->sin_addr
            : ((const struct sockaddr_in6 *)sockaddr)->sin6_addr.s6_addr;
    unsigned n_whole = prefix->n_bits / 8;
    unsigned n_rest = prefix->n_bits % 8;
    if (memcmp(address, prefix->address, n_whole) != 0)
        return false;
    uint8_t mask = (uint8_t)(0xff00u >> n_rest);
    return n_rest == 0 || ((address[n_whole] ^ prefix->address[n_whole]) & mask) == 0;
}

// Goes back to the last star only, so the time is at most the product of the lengths.
static bool is_like(const char *pattern, const char *text)
{
    const char *star = NULL;
    const char *from = NULL;
    while (*text != '\0') {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == '?' ||
                   tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    return pattern[strspn(pattern, "*")] == '\0';
}

bool sitelock_is_pattern(const char *pattern)
{
    struct prefix prefix;
    size_t n = strlen(pattern);
    if (strchr(pattern, '/'))
        return parse_prefix(pattern, &prefix);
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)pattern[i]) && !strchr("*?.:-_", pattern[i]))
            return false;
    return n > 0 && n <= SITELOCK_MAX_BYTES;
}

bool sitelock_matches(const char *pattern, const struct sockaddr_storage *sockaddr,
                      const char *address, const char *host)
{
    struct prefix prefix;
    if (parse_prefix(pattern, &prefix))
        return is_in_prefix(&prefix, sockaddr);
    return is_like(pattern, address) || (host[0] != '\0' && is_like(pattern, host));
}
