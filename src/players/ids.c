// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Chains by the id's first bytes, which are random already (ids.h).
#include "players/ids.h"

#include "vault/layout.h"

#include <stdlib.h>
#include <string.h>

struct id_entry {
    uint8_t id[16];
    uint32_t next; // SLOT_NONE: the last of its chain
};

struct ids {
    uint32_t n_chains;
    uint32_t *first;
    struct id_entry entry[]; // by slot
};

struct ids *ids_make(uint32_t n_slots)
{
    struct ids *ids = calloc(1, sizeof *ids + n_slots * sizeof ids->entry[0]);
    if (!ids)
        return NULL;
    ids->n_chains = n_slots;
    ids->first = malloc(n_slots * sizeof *ids->first);
    if (!ids->first) {
        free(ids);
        return NULL;
    }
    memset(ids->first, 0xff, n_slots * sizeof *ids->first);
    return ids;
}

void ids_free(struct ids *ids)
{
    if (ids)
        free(ids->first);
    free(ids);
}

// Where the chain names this id, or ends.
static uint32_t *find_place(const struct ids *ids, const uint8_t id[16])
{
    uint32_t hash;
    memcpy(&hash, id, sizeof hash);
    uint32_t *place = &ids->first[hash % ids->n_chains];
    while (*place != SLOT_NONE && memcmp(ids->entry[*place].id, id, 16) != 0)
        place = (uint32_t *)&ids->entry[*place].next;
    return place;
}

void ids_add(struct ids *ids, const uint8_t id[16], uint32_t slot)
{
    uint32_t *place = find_place(ids, id);
    memcpy(ids->entry[slot].id, id, 16);
    ids->entry[slot].next = SLOT_NONE;
    *place = slot;
}

void ids_drop(struct ids *ids, const uint8_t id[16])
{
    uint32_t *place = find_place(ids, id);
    if (*place != SLOT_NONE)
        *place = ids->entry[*place].next;
}

uint32_t ids_find(const struct ids *ids, const uint8_t id[16])
{
    return *find_place(ids, id);
}
