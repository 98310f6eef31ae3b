// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One player's connection in the vault.
//
//            slot_claim                    slot_free
//   FREE ------------------> LIVE ---------------------> FREE
//   (slot_prepare fills it    |   verify fails at start
//    while it is FREE)        +------------------------> QUARANTINED
//
// state is the claim on all that the slot names: while it is LIVE its descriptors
// are kept by the guard, its chunks and cells are in use (I10). A quarantined slot
// claims nothing any more. Each arrow is one store.
//
// Errors: NULL when no slot is free or memory cannot be had (errno).
#ifndef STAYD_VAULT_SLOT_H
#define STAYD_VAULT_SLOT_H

#include "vault/chunk.h"
#include "vault/resume.h"
#include "vault/vault.h"
#include <openssl/crypto.h>
#include <stdbool.h>
#include <string.h>

// Which slots are free: in the worker's heap, worked out at start, like chunks.
struct slot_pool {
    struct vault *vault;
    uint32_t *free; // a stack, low numbers on top
    uint32_t n_free;
};

int slot_pool_make(struct slot_pool *pool, struct vault *vault);

// What a worker that was killed has not come to wipe: keys that no live slot uses (I25). At each
// start.
void slot_pool_wipe(struct slot_pool *pool);
void slot_pool_free(struct slot_pool *pool);

// Is a slot free, with memory behind it? Then slot_prepare does not fail for want of either. False
// with errno; ENOBUFS: all are taken.
bool slot_pool_has_room(struct slot_pool *pool);

// Take a free slot and clear it: no descriptors, empty flows, settled up to the
// present receipt, a new id from getrandom(2). The caller fills the rest, then
// slot_claim, or slot_return to give it up.
struct slot *slot_prepare(struct slot_pool *pool);
void slot_claim(struct slot *slot, int player_fd);
void slot_return(struct slot_pool *pool, struct slot *slot);

// Give up the claim, then close the descriptors and give back chunks and cells; wipes the keys and
// the resume state.
void slot_free(struct slot_pool *slots, struct chunk_pool *chunks, struct cell_pool *cells,
               struct slot *slot);

// End a player's or a game's connection, which no slot claims any more. close(2) alone ends nothing
// while a second descriptor table holds it, too (guard/upgrade/probation.h).
void slot_end_fd(int fd);

// The first live slot from this one on, or NULL. Beyond what is reserved there are holes: reading
// one would give it memory.
static inline struct slot *slot_find_live(const struct vault *vault, struct slot *from)
{
    const struct slot *end = &vault->slots[vault->head->slots_reserved];
    while (from < end && from->state != SLOT_LIVE)
        from++;
    return from < end ? from : NULL;
}

// For each live slot, in order; farewells' are among them. The loop may free it.
#define slot_each_live(vault, it)                                                                  \
    for (struct slot *it = slot_find_live((vault), (vault)->slots); it;                            \
         it = slot_find_live((vault), it + 1))

// Join it to the game on this descriptor; its flags change with the same store. No link before it
// had this number (I24).
static inline void slot_link(struct slot *slot, int32_t game_fd, uint32_t flags)
{
    const struct {
        int32_t game_fd;
        uint32_t flags;
    } link = {game_fd, flags};
    uint64_t word;
    static_assert(sizeof link == sizeof word, "slot.link");
    memcpy(&word, &link, sizeof word);
    atomic_fetch_add_explicit(&slot->n_links, 1, memory_order_relaxed);
    atomic_store_explicit(&slot->link, word, memory_order_release);
}

static inline bool slot_has(const struct slot *slot, uint32_t flag)
{
    return atomic_load_explicit(&slot->flags, memory_order_relaxed) & flag;
}

// Note whose decision the end is, unless it has come already.
static inline void slot_note_end(struct slot *slot, enum slot_end by)
{
    uint32_t ended = SLOT_FLAG_PLAYER_ENDED | SLOT_FLAG_GAME_ENDED | SLOT_FLAG_WE_ENDED;
    if (slot->ended_by == SLOT_END_SEEN && !slot_has(slot, ended))
        slot->ended_by = (uint8_t)by;
}

// Has it no seat? Then it has a player's connection, to which words are said, and nothing else: no
// link, no game, and nobody counts or finds it (I27).
static inline bool slot_is_farewell(const struct slot *slot)
{
    return slot->ended_by == SLOT_END_FULL || slot->ended_by == SLOT_END_ADDRESS;
}

static inline bool slot_is_tls(const struct slot *slot)
{
    return slot_has(slot, SLOT_FLAG_TLS);
}

// Is there a step between receiving and sending? TLS records, telnet.
static inline bool slot_has_step(const struct slot *slot)
{
    return slot_has(slot, SLOT_FLAG_TLS | SLOT_FLAG_TELNET);
}

// Where a flow's bytes arrive. They leave from `out`; without a step that buffer is both.
static inline struct buffer *slot_receive_buffer(const struct slot *slot, struct flow_state *state)
{
    return slot_has_step(slot) ? &state->in : &state->out;
}

static inline struct record_params slot_record_params(const struct slot *slot)
{
    return (struct record_params){.version = slot->tls_version, .cipher = slot->cipher};
}

// A key of this slot is used no more: wipe it, here and where records were sealed or opened with
// it.
static inline void slot_wipe_key(struct slot *slot, unsigned key)
{
    const struct record_params params = slot_record_params(slot);
    record_forget(&params, &slot->keys[key]);
    OPENSSL_cleanse(&slot->keys[key], sizeof slot->keys[key]);
}

static inline void slot_wipe_keys(struct slot *slot)
{
    for (unsigned i = 0; i < SLOT_KEYS; i++)
        slot_wipe_key(slot, i);
}

// The key area that neither flow uses (I7).
static inline uint8_t slot_free_key(uint8_t one, uint8_t other)
{
    return (uint8_t)(0 + 1 + 2 - one - other);
}

#endif
