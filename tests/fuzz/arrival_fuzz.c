// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the door hands over (vault/arrival.h). Held: what raises no doubt makes a slot that keeps
// the invariants, and with the same facts; facts that end within one raise it.
//
// Errors: abort.
#include "fuzz.h"
#include "vault/arrival.h"
#include "vault/facts.h"
#include "vault/slot.h"
#include "vault/verify.h"

static struct vault vault;
static struct slot_pool slots;

static void make_vault(void)
{
    static bool is_made;
    if (!is_made)
        hold(vault_make(&vault, 1) == 0 && slot_pool_make(&slots, &vault) == 0);
    is_made = true;
}

static void hold_facts(const struct slot *slot)
{
    size_t n_found = 0;
    for (size_t at = 0; at < slot->facts_bytes; at += 2u + slot->facts[at + 1]) {
        size_t n;
        hold(facts_find(slot, slot->facts[at], &n) != NULL);
        n_found += 2u + slot->facts[at + 1];
    }
    hold(n_found == slot->facts_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arrival arrival = {0};
    memcpy(&arrival, data, size < sizeof arrival ? size : sizeof arrival);
    make_vault();
    if (arrival_doubt(&arrival)) {
        hold(arrival.tls_version || arrival.facts_bytes || arrival.listener >= VAULT_LISTENERS);
        return 0;
    }
    struct slot *slot = slot_prepare(&slots);
    hold(slot != NULL);
    arrival_fill(slot, &arrival);
    slot_claim(slot, 3); // never used
    hold(verify_slot(&vault, slot) == I_NONE);
    hold(slot_is_tls(slot) == (arrival.tls_version != 0));
    hold_facts(slot);
    slot->state = SLOT_FREE;
    slot_return(&slots, slot);
    return 0;
}
