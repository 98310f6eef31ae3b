// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The memory that outlives the processes: one memfd, mapped by all of them.
// struct vault is a process' view of it and holds nothing that must survive.
//
// Errors: -1 with errno. Memory is reserved before it is touched, so that
// shortage is ENOSPC or ENOMEM here and never a SIGBUS.
#ifndef STAYD_VAULT_VAULT_H
#define STAYD_VAULT_VAULT_H

#include "vault/layout.h"
#include <stdbool.h>

struct vault {
    int fd;
    uint64_t table_number; // of the descriptor table that this process lives in
    struct vault_head *head;
    struct slot *slots;
    struct cell *cells;
    uint8_t *chunks;
};

// Make a vault with seats for so many players, and VAULT_FAREWELLS slots more, and map it. The head is filled but for what
// the guard writes; no slot and no chunk has memory yet. It is sealed (fcntl(2), F_ADD_SEALS):
// nobody who has a descriptor of it can make it shorter or longer.
int vault_make(struct vault *vault, uint32_t n_seats);

// Map an existing vault, as a process of the table in force. EPROTO: not a vault, or of a layout
// that this program does not know; nothing was changed.
int vault_map(struct vault *vault, int fd);

// The same, but nothing in it can be written: a store into it is SIGSEGV.
int vault_map_to_look(struct vault *vault, int fd);

// Is this the head of a vault that this program knows? Its magic, its layout, and all its sizes.
bool vault_is_known(const struct vault_head *head);

void vault_unmap(struct vault *vault);

// Lock the receipt's page into this process' memory: the kernel must be able to
// write the count whatever happens; and, where the limits allow, keep all that is
// touched out of swap (mlock(2); locks are not inherited by clone).
int vault_lock(struct vault *vault);

// See that slots, cells or chunks [0, n) have memory behind them.
int vault_reserve_slots(struct vault *vault, uint32_t n);
int vault_reserve_cells(struct vault *vault, uint32_t n);
int vault_reserve_chunks(struct vault *vault, uint32_t n);

// Chunks from n on are not in use: their memory goes back to the system.
void vault_trim_chunks(struct vault *vault, uint32_t n);

// The guard's descriptors, in this process' table.
static inline _Atomic int32_t *vault_guard_fds(const struct vault *vault)
{
    return vault->head->guard_fds[vault->table_number & 1];
}

// The entries whose queues are in this process' table.
static inline struct vault_entries *vault_entries(const struct vault *vault)
{
    return &vault->head->entries[vault->table_number & 1];
}

// Something else is to be served: configuration, certificates, or by another program. An entry of the next
// edition is wanted.
static inline void vault_want_entry(const struct vault *vault)
{
    vault_entries(vault)->wanted++;
}

// Is this process' table the one in force? If not, it belongs to a program on probation.
static inline bool vault_is_proven(const struct vault *vault)
{
    return vault->table_number == vault->head->table_number;
}

static inline uint8_t *vault_chunk(const struct vault *vault, uint32_t chunk)
{
    return vault->chunks + (uint64_t)chunk * CHUNK_BYTES;
}

static inline uint32_t vault_slot_index(const struct vault *vault, const struct slot *slot)
{
    return (uint32_t)(slot - vault->slots);
}

#endif
