// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reading PROXY headers (announce.h): haproxy's proxy-protocol.txt, sections 2.1 and 2.2. It is
// looked at with MSG_PEEK until it is whole.
#include "announce.h"

#include "../clock.h"
#include "../proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#define V1_MAX_BYTES 107u      // proxy-protocol.txt, 2.1
#define HEADER_MAX_BYTES 5216u // doc/PROTOCOL.header

static const char v1_start[] = "PROXY TCP";

static bool set_address(struct sockaddr_storage *to, int family, const char *address, unsigned port)
{
    *to = (struct sockaddr_storage){.ss_family = (sa_family_t)family};
    if (family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)to;
        in->sin_port = htons((uint16_t)port);
        return inet_pton(AF_INET, address, &in->sin_addr) == 1;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)to;
    in6->sin6_port = htons((uint16_t)port);
    if (inet_pton(AF_INET6, address, &in6->sin6_addr) != 1)
        return false;
    if (!IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr))
        return true;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = in6->sin6_port};
    memcpy(&in.sin_addr, in6->sin6_addr.s6_addr + 12, 4);
    memset(to, 0, sizeof *to);
    memcpy(to, &in, sizeof in);
    return true;
}

static enum announce_status parse_v1(const uint8_t *in, size_t n, struct sockaddr_storage *player,
                                     size_t *n_header)
{
    char line[V1_MAX_BYTES + 1];
    char from[INET6_ADDRSTRLEN], to[INET6_ADDRSTRLEN];
    unsigned family, from_port, to_port;
    const uint8_t *end = memchr(in, '\n', n < V1_MAX_BYTES ? n : V1_MAX_BYTES);
    if (!end)
        return n < V1_MAX_BYTES ? ANNOUNCE_MORE : ANNOUNCE_BAD;
    *n_header = (size_t)(end - in) + 1;
    memcpy(line, in, *n_header);
    line[*n_header] = '\0';
    if (sscanf(line, "PROXY TCP%1u %45s %45s %5u %5u\r\n", &family, from, to, &from_port,
               &to_port) != 5 ||
        (family != 4 && family != 6) || from_port > UINT16_MAX)
        return ANNOUNCE_BAD;
    return set_address(player, family == 4 ? AF_INET : AF_INET6, from, from_port) ? ANNOUNCE_DONE
                                                                                  : ANNOUNCE_BAD;
}

static enum announce_status parse_v2(const uint8_t *in, size_t n, struct sockaddr_storage *player,
                                     size_t *n_header)
{
    struct stay_player facts;
    switch (stay_proxy_parse(in, n, &facts, n_header)) {
    case STAY_PROXY_MORE:
        return *n_header <= HEADER_MAX_BYTES ? ANNOUNCE_MORE : ANNOUNCE_BAD;
    case STAY_PROXY_DONE:
        *player = facts.sockaddr;
        return player->ss_family ? ANNOUNCE_DONE : ANNOUNCE_BAD;
    case STAY_PROXY_BAD:
        break;
    }
    return ANNOUNCE_BAD;
}

enum announce_status announce_parse(const uint8_t *in, size_t n, struct sockaddr_storage *player,
                                    size_t *n_header)
{
    const size_t n_start = sizeof v1_start - 1;
    if (memcmp(in, v1_start, n < n_start ? n : n_start) == 0)
        return parse_v1(in, n, player, n_header);
    return parse_v2(in, n, player, n_header);
}

// Wait for more than the n bytes that are there. What is there keeps poll(2) from waiting, so for
// the rest of a header that came in parts it is looked again in a millisecond.
static void wait_more(int fd, size_t n, uint64_t left_ms)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    poll(&poll_fd, n == 0 ? 1 : 0, n == 0 ? (int)left_ms : 1);
}

static bool look(int fd, uint8_t *header, struct sockaddr_storage *player, size_t *n_header)
{
    const uint64_t end_ms = stay_now_ms() + ANNOUNCE_WAIT_MS;
    for (uint64_t now = stay_now_ms(); now < end_ms; now = stay_now_ms()) {
        ssize_t n = recv(fd, header, HEADER_MAX_BYTES, MSG_PEEK | MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return false;
        size_t n_here = n > 0 ? (size_t)n : 0;
        enum announce_status status = announce_parse(header, n_here, player, n_header);
        if (status != ANNOUNCE_MORE)
            return status == ANNOUNCE_DONE;
        wait_more(fd, n_here, end_ms - now);
    }
    return false;
}

bool announce_take(int fd, struct sockaddr_storage *player)
{
    uint8_t header[HEADER_MAX_BYTES];
    size_t n_header = 0;
    return look(fd, header, player, &n_header) &&
           recv(fd, header, n_header, MSG_DONTWAIT) == (ssize_t)n_header;
}

static uint32_t pseudo_address(const struct in6_addr *in6)
{
    uint32_t hash = 2166136261u; // FNV-1a
    for (unsigned i = 0; i < 8; i++)
        hash = (hash ^ in6->s6_addr[i]) * 16777619u;
    // The upper bits are the well mixed ones; 255.255.255.255 means something.
    return 0xf0000000u | ((hash >> 4) % 0x0fffffffu);
}

void announce_fit(struct sockaddr_storage *player, sa_family_t family)
{
    if (family == AF_INET && player->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, player, sizeof in6);
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = in6.sin6_port};
        in.sin_addr.s_addr = htonl(pseudo_address(&in6.sin6_addr));
        memset(player, 0, sizeof *player);
        memcpy(player, &in, sizeof in);
    } else if (family == AF_INET6 && player->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, player, sizeof in);
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = in.sin_port};
        in6.sin6_addr.s6_addr[10] = in6.sin6_addr.s6_addr[11] = 0xff;
        memcpy(in6.sin6_addr.s6_addr + 12, &in.sin_addr, 4);
        memset(player, 0, sizeof *player);
        memcpy(player, &in6, sizeof in6);
    }
}
