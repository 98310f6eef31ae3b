// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Whom processes were serving when they crashed: slots (workers), and addresses in whose handshakes it
// was (entries). Two crashes make poison of either (I14). They fade: what was an hour ago counts no more, as many
// people may come from one address, and a program is replaced by a better one.
//
// The guard writes. Errors: none.
#ifndef STAYD_VAULT_SUSPECTS_H
#define STAYD_VAULT_SUSPECTS_H

#include "vault/layout.h"
#include <stdbool.h>

#define SUSPECTS_FADE_S 3600u

// now_ms: boottime.
void suspects_blame_slot(struct slot *slot, uint64_t now_ms);
void suspects_blame_address(struct vault_view *view, const uint8_t address[16], uint64_t now_ms);

// Entries crashed twice in this address' handshakes, and would do so again.
bool suspects_has_address(const struct vault_view *view, const uint8_t address[16],
                          uint64_t now_ms);

#endif
