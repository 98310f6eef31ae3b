// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The first bytes on a player's link to the game: who the player is, in the form
// the game reads. Sans-I/O.
//
//   proxy-v2  PROXY protocol 2, binary, with TLVs (doc/PROTOCOL.header)
//   proxy-v1  PROXY protocol 1, one text line
//   pennmush  "IP^HOST\r\n", PennMUSH's local socket
//   none      nothing
//
// Errors: none; HEADER_MAX_BYTES is enough for every slot.
#ifndef STAYD_GAME_HEADER_H
#define STAYD_GAME_HEADER_H

#include "conf/conf.h"
#include "vault/layout.h"

#define HEADER_MAX_BYTES (1024u + 3u + 16u + VAULT_RESUME_BYTES)

// PROXY protocol TLV types in the range free for use (section 2.2.7).
#define HEADER_TLV_HOST 0xE0u        // forward-confirmed host name, text
#define HEADER_TLV_CERT_SHA256 0xE1u // client certificate's fingerprint, 32 bytes
#define HEADER_TLV_PROXY_ID 0xE3u    // UNIQUE_ID of the balancer's header
#define HEADER_TLV_RESUMED 0xE2u     // where the dead game's player goes on, and its state

// What a game that resumes a player is told.
struct header_resumed {
    uint64_t input;  // offset of the input that follows
    uint64_t output; // how much of the game's output was taken
    const uint8_t *state;
    size_t n_state;
};

// Write the header for slot, who connected to address `to` (16 bytes) and to_port. resumed: NULL,
// or for proxy-v2 only. Returns its length.
size_t header_write(enum conf_header header, const struct slot *slot, const uint8_t to[16],
                    uint16_t to_port, const struct header_resumed *resumed,
                    uint8_t out[HEADER_MAX_BYTES]);

// What a fuzzball reads besides (option `forwarded`): IAC WILL FORWARDED, IAC SB FORWARDED, the
// host name or else the address, IAC SE. At most 127 bytes of it count there (src/interface.c).
#define HEADER_FORWARDED_BYTES 144u
size_t header_write_forwarded(const struct slot *slot, uint8_t out[HEADER_FORWARDED_BYTES]);

#endif
