// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A set of networks that is asked at every connection: sorted, so that a hundred thousand of them
// take 17 comparisons. IPv4 and IPv6 are apart: ::/0 is every IPv6 address and no IPv4 one.
//
// Errors: false without memory.
#ifndef STAYD_BASE_NETWORKS_H
#define STAYD_BASE_NETWORKS_H

#include "base/network.h"

#include <stddef.h>

struct networks_range {
    uint8_t first[16], last[16];
};

// All zeros: empty. Owns its ranges.
struct networks {
    struct networks_range *range[2]; // IPv6, IPv4
    size_t n[2];
    size_t n_room[2];
};

void networks_free(struct networks *networks);

// Not to be asked before networks_sort.
bool networks_add(struct networks *networks, const struct network *network);
void networks_sort(struct networks *networks);

// Is the address in one of them?
bool networks_have(const struct networks *networks, const uint8_t address[16]);

#endif
