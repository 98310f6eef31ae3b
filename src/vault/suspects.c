// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Suspects (suspects.h). Errors: none.
#include "vault/suspects.h"

#include <string.h>

// Of one without a time (by a program that noted none): it was at boot.
static bool is_faded(uint32_t crashed_s, uint64_t now_ms)
{
    return now_ms / 1000 >= (uint64_t)crashed_s + SUSPECTS_FADE_S;
}

void suspects_blame_slot(struct slot *slot, uint64_t now_ms)
{
    uint32_t *crashed_s = &slot->flow[TO_GAME].crashed_s;
    uint8_t crashes = is_faded(*crashed_s, now_ms) ? 0 : slot->crashes;
    *crashed_s = (uint32_t)(now_ms / 1000);
    slot->crashes = (uint8_t)(crashes + (crashes < UINT8_MAX));
}

// What counts less goes first: what has faded, then the fewest crashes, then the oldest.
static bool counts_less(const struct vault_suspect *a, const struct vault_suspect *b,
                        uint64_t now_ms)
{
    uint32_t crashes_a = is_faded(a->crashed_s, now_ms) ? 0 : a->crashes;
    uint32_t crashes_b = is_faded(b->crashed_s, now_ms) ? 0 : b->crashes;
    return crashes_a != crashes_b ? crashes_a < crashes_b : a->crashed_s < b->crashed_s;
}

void suspects_blame_address(struct vault_view *view, const uint8_t address[16], uint64_t now_ms)
{
    struct vault_suspect *place = &view->suspects[0];
    for (unsigned i = 0; i < VAULT_SUSPECTS; i++) {
        struct vault_suspect *suspect = &view->suspects[i];
        if (suspect->crashes && memcmp(suspect->address, address, 16) == 0) {
            place = suspect;
            break;
        }
        if (counts_less(suspect, place, now_ms))
            place = suspect;
    }
    bool is_known = place->crashes && memcmp(place->address, address, 16) == 0 &&
                    !is_faded(place->crashed_s, now_ms);
    // Whoever dies in between has left no address beside the crashes of another.
    const uint32_t crashes = is_known ? place->crashes : 0;
    place->crashes = crashes;
    atomic_thread_fence(memory_order_release);
    memcpy(place->address, address, 16);
    place->crashed_s = (uint32_t)(now_ms / 1000);
    atomic_thread_fence(memory_order_release);
    place->crashes = crashes + 1;
}

bool suspects_has_address(const struct vault_view *view, const uint8_t address[16], uint64_t now_ms)
{
    for (unsigned i = 0; i < VAULT_SUSPECTS; i++) {
        const struct vault_suspect *suspect = &view->suspects[i];
        if (suspect->crashes >= 2 && !is_faded(suspect->crashed_s, now_ms) &&
            memcmp(suspect->address, address, 16) == 0)
            return true;
    }
    return false;
}
