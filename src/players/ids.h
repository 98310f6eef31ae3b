// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Live slots by connection id. In the worker's heap; filled as slots are opened.
// Errors: none after ids_make; it has room for every slot.
#ifndef STAYD_PLAYERS_IDS_H
#define STAYD_PLAYERS_IDS_H

#include <stdint.h>

struct ids;

// NULL without memory.
struct ids *ids_make(uint32_t n_slots);
void ids_free(struct ids *ids);

void ids_add(struct ids *ids, const uint8_t id[16], uint32_t slot);
void ids_drop(struct ids *ids, const uint8_t id[16]);

// The slot, or SLOT_NONE.
uint32_t ids_find(const struct ids *ids, const uint8_t id[16]);

#endif
