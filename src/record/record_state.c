// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The state's bounds, and the debt of records without text (record_state.h).
// Errors: none.
#include "record/record_state.h"

#include <assert.h>

static_assert(sizeof(struct record_state) == 32, "the vault's layout");

// A record without text, of whatever kind, costs as much as so much text is worth; each ClientHello
// in one counts as another (a record can hold 360; GnuTLS asks 17 times before it gives in). The
// dearest of them, a KeyUpdate, takes us some 10 us. A Java player with a low jdk.tls.keyLimits
// sends one each so many bytes that it *reads*, while it types nothing.
#define QUIET_COST 4096
#define QUIET_MAX 128                       // that need not be paid for
#define DEBT_MAX (QUIET_MAX * QUIET_COST)   // OpenSSL allows 32 of each kind
#define PAID_A_MS (100 * QUIET_COST / 1000) // 100 a second, for ever
// What the player has been sent may lie in the network, and be read long after. So many
// KeyUpdates at once take us some 6 ms.
#define ADVANCE_MAX (4 * 1024 * 1024)

bool record_is_valid(const struct record_state *state)
{
    return state->hs_bytes <= RECORD_MESSAGE_HEADER_BYTES && state->debt >= -ADVANCE_MAX &&
           state->debt <= DEBT_MAX;
}

bool record_charge(struct record_state *state)
{
    if (state->debt > DEBT_MAX - QUIET_COST)
        return false;
    state->debt += QUIET_COST;
    return true;
}

// Take n bytes of text off the debt; `least` is where that ends.
static void pay(struct record_state *state, uint64_t n, int32_t least)
{
    if (state->debt <= least)
        return;
    uint32_t n_most = (uint32_t)(state->debt - least);
    state->debt = n < n_most ? state->debt - (int32_t)n : least;
}

void record_pay_text(struct record_state *state, uint64_t n_text)
{
    pay(state, n_text, -ADVANCE_MAX);
}

void record_pay(struct record_state *state, uint64_t now_ms, uint64_t n_heard)
{
    uint32_t n_ms = (uint32_t)now_ms - state->paid_ms;
    uint32_t n_more = (uint32_t)n_heard - state->paid_heard;
    pay(state, (uint64_t)n_ms * PAID_A_MS, 0);
    pay(state, n_more, -ADVANCE_MAX);
    state->paid_ms = (uint32_t)now_ms;
    state->paid_heard = (uint32_t)n_heard;
}
