// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// From a handshake to a slot.
#include "cases.h"

#include "players/players.h"
#include "worker/inbox.h"

#include "entry/handshake.c" // what is called by events only

// Whoever is to blame is named before anything is called that may crash.
void case_handshake_proceed(void)
{
    static struct page_pulse pulse;
    static struct handshakes all;
    static struct handshake handshake;
    all.setup.pulse = &pulse;
    handshake.all = &all;
    memset(handshake.address, 0x5a, sizeof handshake.address);
    whole(&pulse, sizeof pulse);
    watch("address", pulse.serving_address, sizeof pulse.serving_address);
    watch("set", &pulse.serving_address_set, sizeof pulse.serving_address_set);
    before("I14", "address", "SSL_accept()");
    before("I14", "address", "set#1");
    before("I14", "set#1", "SSL_accept()");
    before("I14", "SSL_accept()", "set#2");
    watch_begin();
    begin_blame(&handshake);
    SSL_accept(handshake.ssl);
    end_blame(&handshake);
}

// The slot is claimed, and names the message, before the message is taken.
void case_inbox_take_in(void)
{
    static struct heritage heritage;
    static struct players players;
    static uint32_t free_slots[VAULT_FAREWELLS + 2];
    struct vault_entry *entry = &vault_entries(&the_vault)->place[0];
    struct slot *slot = &the_vault.slots[0];
    heritage.vault = the_vault;
    players.heritage = &heritage;
    players.vault = &the_vault;
    players.slots = (struct slot_pool){&the_vault, free_slots, VAULT_FAREWELLS + 2};
    entry->state = ENTRY_MADE;
    entry->serial = 4;
    entry->crashes = 1;
    entry->taken = 2;
    vault_guard_fds(&the_vault)[VAULT_ENTRY_QUEUES] = 11;
    inbox_look(inbox_make(&players));
    the_vault.head->serving_slot = SLOT_NONE;
    the_vault.head->serving_entry = ENTRY_NONE;
    watch("serving_slot", &the_vault.head->serving_slot, sizeof(uint32_t));
    watch("serving_entry", &the_vault.head->serving_entry, sizeof(uint32_t));
    watch("slot", &slot->player_fd, sizeof *slot - sizeof slot->state);
    watch("state", &slot->state, sizeof slot->state);
    watch("crashes", &entry->crashes, sizeof entry->crashes);
    watch("taken", &entry->taken, sizeof entry->taken);
    published("I10", "slot", "state");
    before("I28", "state", "taken#1");
    before("I28", "state", "take()");
    before("I28", "taken#1", "take()");
    before("I14", "crashes#1", "take()");
    before("I14", "serving_entry#1", "state");
    before("I14", "serving_slot#1", "serving_entry#2");
    stored("I10", "state", 1);
    watch_begin();
    the_callback(11, 0, the_argument);
}
