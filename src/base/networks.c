// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Sets of networks (networks.h). Errors: false without memory.
#include "base/networks.h"

#include <stdlib.h>
#include <string.h>

#define FEW 16u

void networks_free(struct networks *networks)
{
    free(networks->range[0]);
    free(networks->range[1]);
    *networks = (struct networks){0};
}

bool networks_add(struct networks *networks, const struct network *network)
{
    const unsigned family = address_is_ipv4(network->address);
    struct networks_range **range = &networks->range[family];
    size_t *n_room = &networks->n_room[family];
    if (networks->n[family] == *n_room) {
        size_t n_more = *n_room ? 2 * *n_room : FEW;
        struct networks_range *more = realloc(*range, n_more * sizeof **range);
        if (!more)
            return false;
        *range = more;
        *n_room = n_more;
    }
    struct networks_range *it = &(*range)[networks->n[family]++];
    memcpy(it->first, network->address, 16);
    memcpy(it->last, network->address, 16);
    for (unsigned bit = network->bits; bit < 128; bit++)
        it->last[bit / 8] |= (uint8_t)(0x80u >> bit % 8);
    return true;
}

static int compare(const void *a, const void *b)
{
    const struct networks_range *one = a;
    const struct networks_range *other = b;
    return memcmp(one->first, other->first, 16);
}

// Two networks are apart, or one is in the other.
static size_t join(struct networks_range *range, size_t n)
{
    size_t n_left = 0;
    for (size_t i = 0; i < n; i++) {
        struct networks_range *last = n_left ? &range[n_left - 1] : NULL;
        if (!last || memcmp(range[i].first, last->last, 16) > 0)
            range[n_left++] = range[i];
        else if (memcmp(range[i].last, last->last, 16) > 0)
            memcpy(last->last, range[i].last, 16);
    }
    return n_left;
}

void networks_sort(struct networks *networks)
{
    for (unsigned family = 0; family < 2; family++) {
        if (networks->n[family] == 0)
            continue;
        qsort(networks->range[family], networks->n[family], sizeof *networks->range[family],
              compare);
        networks->n[family] = join(networks->range[family], networks->n[family]);
    }
}

bool networks_have(const struct networks *networks, const uint8_t address[16])
{
    const unsigned family = address_is_ipv4(address);
    const struct networks_range *range = networks->range[family];
    size_t low = 0;
    size_t high = networks->n[family];
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(range[middle].last, address, 16) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low < networks->n[family] && memcmp(range[low].first, address, 16) <= 0;
}
