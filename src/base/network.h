// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Networks: addresses whose first bits are the same (CIDR, RFC 4632), in the 16-byte form of
// base/address.h, so an IPv4 /24 has 120 bits.
//
// Errors: returned in words.
#ifndef STAYD_BASE_NETWORK_H
#define STAYD_BASE_NETWORK_H

#include "base/address.h"

struct network {
    uint8_t address[16]; // zeros behind `bits`
    uint8_t bits;        // 0 to 128
};

// Room for any network as text: an address, "/128" and the end.
#define NETWORK_TEXT_BYTES (ADDRESS_TEXT_BYTES + 4u)

// The network of so many bits that this address is in.
struct network network_of(const uint8_t address[16], uint8_t bits);

bool network_is_same(const struct network *one, const struct network *other);

// Read "192.0.2.0/24", "2001:db8::/32", or an address alone. Returns NULL, or what is wrong and what
// would be right.
const char *network_parse(const char *text, struct network *network);

// "192.0.2.0/24"; one address alone without its bits. Returns text.
const char *network_print(char text[NETWORK_TEXT_BYTES], const struct network *network);

#endif
