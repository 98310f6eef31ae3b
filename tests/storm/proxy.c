// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// See proxy.h; the format is HAProxy's doc/proxy-protocol.txt, section 2.2.
// Errors: see proxy.h.
#include "proxy.h"

#include <string.h>

#define PROXY_FIXED_BYTES 16u
#define PROXY_V2_PROXY 0x21u
#define PROXY_TCP4 0x11u
#define PROXY_TCP4_BYTES 12u
#define PROXY_UNIQUE_ID 0x05u

static const uint8_t proxy_magic[12] = "\r\n\r\n\0\r\nQUIT\n";

static size_t length_at(const uint8_t *at)
{
    return (size_t)at[0] << 8 | at[1];
}

size_t proxy_wanted(const uint8_t *head, size_t n)
{
    return n < PROXY_FIXED_BYTES ? PROXY_FIXED_BYTES : PROXY_FIXED_BYTES + length_at(head + 14);
}

bool proxy_read(const uint8_t *head, size_t n, uint8_t id[PROXY_ID_BYTES], uint16_t *port)
{
    static const uint8_t loopback[4] = {127, 0, 0, 1};
    if (n < PROXY_FIXED_BYTES + PROXY_TCP4_BYTES || n != proxy_wanted(head, n) ||
        memcmp(head, proxy_magic, sizeof proxy_magic) != 0 || head[12] != PROXY_V2_PROXY ||
        head[13] != PROXY_TCP4 || memcmp(head + PROXY_FIXED_BYTES, loopback, 4) != 0)
        return false;
    *port = (uint16_t)length_at(head + PROXY_FIXED_BYTES + 8);
    for (size_t at = PROXY_FIXED_BYTES + PROXY_TCP4_BYTES; at + 3 <= n;) {
        size_t bytes = length_at(head + at + 1);
        if (at + 3 + bytes > n)
            return false;
        if (head[at] == PROXY_UNIQUE_ID && bytes == PROXY_ID_BYTES) {
            memcpy(id, head + at + 3, bytes);
            return true;
        }
        at += 3 + bytes;
    }
    return false;
}
