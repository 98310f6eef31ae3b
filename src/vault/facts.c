// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Facts in a slot (facts.h). Errors: false, NULL.
#include "vault/facts.h"

#include <string.h>

bool facts_put(uint8_t facts[SLOT_FACTS_BYTES], uint8_t *n_used, enum fact fact, const void *bytes,
               size_t n_bytes)
{
    size_t used = *n_used;
    if (n_bytes > UINT8_MAX || used + 2 + n_bytes > SLOT_FACTS_BYTES)
        return false;
    facts[used] = (uint8_t)fact;
    facts[used + 1] = (uint8_t)n_bytes;
    memcpy(facts + used + 2, bytes, n_bytes);
    // The length last: a fact that was cut short is not there. A fence of the whole thread: stores are
    // moved over one for signals only, by clang 14 for aarch64.
    atomic_thread_fence(memory_order_release);
    *n_used = (uint8_t)(used + 2 + n_bytes);
    return true;
}

bool facts_add(struct slot *slot, enum fact fact, const void *bytes, size_t n_bytes)
{
    return facts_put(slot->facts, &slot->facts_bytes, fact, bytes, n_bytes);
}

bool facts_are_whole(const uint8_t *facts, size_t n_used)
{
    size_t at = 0;
    while (at + 2 <= n_used && n_used <= SLOT_FACTS_BYTES)
        at += 2u + facts[at + 1];
    return at == n_used;
}

const uint8_t *facts_look(const uint8_t *facts, size_t n_used, enum fact fact, size_t *n_bytes)
{
    size_t used = n_used < SLOT_FACTS_BYTES ? n_used : SLOT_FACTS_BYTES;
    for (size_t at = 0; at + 2 <= used;) {
        size_t n = facts[at + 1];
        if (at + 2 + n > used)
            return NULL;
        if (facts[at] == fact) {
            *n_bytes = n;
            return facts + at + 2;
        }
        at += 2 + n;
    }
    return NULL;
}

const uint8_t *facts_find(const struct slot *slot, enum fact fact, size_t *n_bytes)
{
    return facts_look(slot->facts, slot->facts_bytes, fact, n_bytes);
}
