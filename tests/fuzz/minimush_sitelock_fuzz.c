// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Sitelock patterns against addresses and host names. Held: an address matches its own prefixes,
// and a wildcard what the plainest reading of it does; what is no pattern and has a slash matches
// nobody.
//
// Input: the pattern, a line; the host name, a line; the address (16 bytes, IPv4 mapped).
//
// Errors: abort.
#include "fuzz.h"
#include "sitelock.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>

#define REFERENCE_MAX 40u // what follows is exponential

static bool is_like(const char *pattern, const char *text)
{
    if (*pattern == '*')
        return is_like(pattern + 1, text) || (*text && is_like(pattern, text + 1));
    if (*pattern == '\0' || *text == '\0')
        return *pattern == *text;
    return (*pattern == '?' || tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) &&
           is_like(pattern + 1, text + 1);
}

static void set_address(struct sockaddr_storage *sockaddr, char text[64], const uint8_t bytes[16])
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    memset(sockaddr, 0, sizeof *sockaddr);
    memcpy(&in6.sin6_addr, bytes, 16);
    memcpy(&in.sin_addr, bytes + 12, 4);
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
        memcpy(sockaddr, &in, sizeof in);
        inet_ntop(AF_INET, &in.sin_addr, text, 64);
    } else {
        memcpy(sockaddr, &in6, sizeof in6);
        inet_ntop(AF_INET6, &in6.sin6_addr, text, 64);
    }
}

static void hold_prefixes(const struct sockaddr_storage *sockaddr, const char *address)
{
    char pattern[80];
    unsigned most = sockaddr->ss_family == AF_INET ? 32 : 128;
    for (unsigned n = 0; n <= most + 1; n++) {
        snprintf(pattern, sizeof pattern, "%s/%u", address, n);
        hold(sitelock_is_pattern(pattern) == (n <= most));
        hold(sitelock_matches(pattern, sockaddr, address, "") == (n <= most));
    }
    hold(sitelock_is_pattern(address) && sitelock_matches(address, sockaddr, address, ""));
}

static unsigned count_stars(const char *text)
{
    unsigned n = 0;
    for (; *text; text++)
        n += *text == '*';
    return n;
}

static void hold_pattern(const char *pattern, const struct sockaddr_storage *sockaddr,
                         const char *address, const char *host)
{
    struct in6_addr in6;
    bool is_match = sitelock_matches(pattern, sockaddr, address, host);
    if (strchr(pattern, '/') || inet_pton(AF_INET, pattern, &in6) == 1 ||
        inet_pton(AF_INET6, pattern, &in6) == 1) {
        hold(!is_match || sitelock_is_pattern(pattern) || strchr(host, '/'));
        return;
    }
    if (count_stars(pattern) <= 4 && strlen(host) <= REFERENCE_MAX)
        hold(is_match == (is_like(pattern, address) || (*host && is_like(pattern, host))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    struct sockaddr_storage sockaddr;
    char address[64];
    uint8_t bytes[16];
    char *pattern = fuzz_line(&input);
    char *host = fuzz_line(&input);
    fuzz_fill(&input, bytes, sizeof bytes);
    set_address(&sockaddr, address, bytes);
    hold_prefixes(&sockaddr, address);
    hold_pattern(pattern, &sockaddr, address, host);
    free(pattern);
    free(host);
    return 0;
}
