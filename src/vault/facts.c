// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Facts in a slot (facts.h). Errors: false, NULL.
#include "vault/facts.h"

#include <string.h>

bool facts_add(struct slot *slot, enum fact fact, const void *bytes, size_t n_bytes)
{
    size_t used = slot->facts_bytes;
    if (n_bytes > UINT8_MAX || used + 2 + n_bytes > SLOT_FACTS_BYTES)
        return false;
    slot->facts[used] = (uint8_t)fact;
    slot->facts[used + 1] = (uint8_t)n_bytes;
    memcpy(slot->facts + used + 2, bytes, n_bytes);
    // The length last: a fact that was cut short is not there.
    atomic_signal_fence(memory_order_release);
    slot->facts_bytes = (uint8_t)(used + 2 + n_bytes);
    return true;
}

const uint8_t *facts_find(const struct slot *slot, enum fact fact, size_t *n_bytes)
{
    size_t used = slot->facts_bytes < SLOT_FACTS_BYTES ? slot->facts_bytes : SLOT_FACTS_BYTES;
    for (size_t at = 0; at + 2 <= used;) {
        size_t n = slot->facts[at + 1];
        if (at + 2 + n > used)
            return NULL;
        if (slot->facts[at] == fact) {
            *n_bytes = n;
            return slot->facts + at + 2;
        }
        at += 2 + n;
    }
    return NULL;
}
