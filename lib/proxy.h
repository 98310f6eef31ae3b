// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The PROXY protocol's version 2 header, as stayd writes it before a player's bytes
// (haproxy's proxy-protocol.txt, section 2.2). Sans-I/O: bytes in, a player's facts out.
//
// Errors: a header that is not one is STAY_PROXY_BAD; a fact that cannot be used
// (a name with control characters, say) is left out and the header still counts.
#ifndef STAY_PROXY_H
#define STAY_PROXY_H

#include "stay.h"

#define STAY_PROXY_FIXED_BYTES 16u
#define STAY_PROXY_MAX_BYTES (STAY_PROXY_FIXED_BYTES + 65535u)

enum stay_proxy_status {
    STAY_PROXY_MORE, // so far well; n_wanted bytes are needed in all
    STAY_PROXY_DONE, // *player holds the facts; the header was n_wanted bytes long
    STAY_PROXY_BAD,  // this will never be a header
};

// Parse the n_in bytes that have come so far. *n_wanted is the header's length as far as it is
// known: at least STAY_PROXY_FIXED_BYTES. When done, every member of *player is set; fd is -1, and
// a resumed player's state points into in.
enum stay_proxy_status stay_proxy_parse(const uint8_t *in, size_t n_in, struct stay_player *player,
                                        size_t *n_wanted);

#endif
