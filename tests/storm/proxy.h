// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Reading a PROXY v2 header, as much as the storm and the benchmarks need: whole
// or not, the connection's id and the player's port. Errors: a header that is
// not as expected is refused.
#ifndef STAYD_STORM_PROXY_H
#define STAYD_STORM_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PROXY_ID_BYTES 16u

// How many bytes the header has that begins with these n, as far as can be told.
size_t proxy_wanted(const uint8_t *head, size_t n);

// A whole header of an IPv4 player on the loopback, with an id. False: it is not that.
bool proxy_read(const uint8_t *head, size_t n, uint8_t id[PROXY_ID_BYTES], uint16_t *port);

#endif
