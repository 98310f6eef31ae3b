// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The invariants as code (verify.h). Errors: what is broken.
#include "vault/verify.h"

#include "telnet/http.h"
#include "telnet/telnet_front.h"
#include "vault/flow.h"
#include "vault/resume.h"
#include "vault/slot.h"

#include <stdlib.h>

#define FD_LIMIT (1 << 20)

enum invariant verify_head(const struct vault *vault)
{
    const struct vault_head *head = vault->head;
    if (!vault_is_known(head))
        return I1;
    if (head->slots_reserved > head->n_slots || head->chunks_reserved > head->n_chunks)
        return I6;
    if (head->cells_reserved > head->n_cells)
        return I16;
    const struct receipt *receipt = &head->receipt;
    if (receipt->slot != SLOT_NONE && (receipt->slot >= head->n_slots || receipt->dir > TO_PLAYER))
        return I3;
    return I_NONE;
}

static enum invariant verify_buffer(const struct vault *vault, const struct buffer *buffer)
{
    if (buffer->chunk == CHUNK_NONE)
        return buffer->start == 0 && buffer->end == 0 ? I_NONE : I5;
    if (buffer->chunk >= vault->head->chunks_reserved)
        return I6;
    return buffer->start < buffer->end && buffer->end <= CHUNK_BYTES ? I_NONE : I5;
}

static bool is_phase_valid(const struct flow_state *state, enum flow_dir dir)
{
    if (state->phase == FLOW_SHUT)
        return state->in.chunk == CHUNK_NONE && state->out.chunk == CHUNK_NONE;
    return state->phase < FLOW_SHUT && (dir == TO_PLAYER || state->phase != FLOW_CUT);
}

static enum invariant verify_flow(const struct vault *vault, const struct slot *slot,
                                  enum flow_dir dir)
{
    if (slot->flow[dir].current > 1)
        return I2;
    const struct flow_state *state = flow_now(&slot->flow[dir]);
    enum invariant broken = verify_buffer(vault, &state->in);
    if (!broken)
        broken = verify_buffer(vault, &state->out);
    if (broken)
        return broken;
    if (state->settled > vault->head->receipt.id)
        return I4;
    if (state->key >= SLOT_KEYS)
        return I7;
    if (!is_phase_valid(state, dir))
        return I8;
    if (flow_unacked(state, dir) > buffer_bytes(&state->out) ||
        (dir == TO_GAME && !front_is_valid(state->input.front)))
        return I17;
    if (!record_is_valid(&state->record))
        return I12;
    if (!slot_has_step(slot) &&
        (state->in.chunk != CHUNK_NONE ||
         (state->phase != FLOW_SHUT && state->received != state->sent + flow_unsent(state, dir))))
        return I11;
    bool is_http_valid =
        dir == TO_GAME ? http_is_valid_request(state->http) : http_is_valid_answer(state->http);
    return telnet_is_valid(&state->telnet) && is_http_valid ? I_NONE : I18;
}

enum invariant verify_slot(const struct vault *vault, const struct slot *slot)
{
    enum invariant broken = verify_flow(vault, slot, TO_GAME);
    if (!broken)
        broken = verify_flow(vault, slot, TO_PLAYER);
    if (broken)
        return broken;
    if (slot_is_tls(slot)) {
        if (flow_now(&slot->flow[TO_GAME])->key == flow_now(&slot->flow[TO_PLAYER])->key)
            return I7;
        if (slot->cipher >= RECORD_N_CIPHERS || slot->write_limit < RECORD_LEAST_LIMIT ||
            slot->write_limit > RECORD_MAX_TEXT ||
            (slot->tls_version != RECORD_TLS12 && slot->tls_version != RECORD_TLS13))
            return I12;
    }
    if (slot->player_fd < 0 || slot->player_fd >= FD_LIMIT || slot->game_fd < -1 ||
        slot->game_fd >= FD_LIMIT || slot->player_fd == slot->game_fd)
        return I10;
    if (slot->game >= VAULT_GAMES || slot->listener >= VAULT_LISTENERS)
        return I22;
    if (slot_is_farewell(slot) && (slot->game_fd != -1 || slot->resume != 0))
        return I27;
    return slot->facts_bytes <= SLOT_FACTS_BYTES ? I_NONE : I26;
}

// Who claimed a chunk or descriptor first: slot index + 1.
struct claims {
    uint32_t *owner;
    uint32_t n;
};

static uint32_t claim(struct claims *claims, uint32_t thing, uint32_t slot)
{
    if (thing >= claims->n)
        return SLOT_NONE;
    if (claims->owner[thing])
        return claims->owner[thing] - 1;
    claims->owner[thing] = slot + 1;
    return SLOT_NONE;
}

struct cell_claim {
    struct claims *cells;
    uint32_t slot;
    uint32_t other;
};

static bool claim_cell(void *arg, uint32_t cell)
{
    struct cell_claim *cell_claim = arg;
    cell_claim->other = claim(cell_claim->cells, cell, cell_claim->slot);
    return cell_claim->other == SLOT_NONE;
}

static enum invariant claim_all(const struct vault *vault, const struct slot *slot,
                                struct claims *chunks, struct claims *cells, struct claims *fds,
                                uint32_t *other)
{
    uint32_t index = vault_slot_index(vault, slot);
    for (int dir = 0; dir < 2; dir++) {
        const struct flow_state *state = flow_now(&slot->flow[dir]);
        if ((*other = claim(chunks, state->in.chunk, index)) != SLOT_NONE ||
            (*other = claim(chunks, state->out.chunk, index)) != SLOT_NONE)
            return I6;
    }
    if ((*other = claim(fds, (uint32_t)slot->player_fd, index)) != SLOT_NONE ||
        (*other = claim(fds, (uint32_t)slot->game_fd, index)) != SLOT_NONE)
        return I10;
    struct cell_claim cell_claim = {cells, index, SLOT_NONE};
    if (!resume_walk(vault, slot, claim_cell, &cell_claim)) {
        *other = cell_claim.other;
        return I16;
    }
    return I_NONE;
}

// Of those that can be: verify_slot refuses the others.
static uint32_t highest_fd(const struct vault *vault)
{
    int highest = 0;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        const struct slot *slot = &vault->slots[i];
        if (slot->state == SLOT_LIVE && slot->player_fd < FD_LIMIT && slot->player_fd > highest)
            highest = slot->player_fd;
        if (slot->state == SLOT_LIVE && slot->game_fd < FD_LIMIT && slot->game_fd > highest)
            highest = slot->game_fd;
    }
    return (uint32_t)highest;
}

uint32_t verify_all(const struct vault *vault,
                    void (*report)(void *arg, uint32_t slot, enum invariant invariant), void *arg)
{
    struct claims chunks = {calloc(vault->head->n_chunks, sizeof(uint32_t)), vault->head->n_chunks};
    struct claims cells = {calloc(vault->head->n_cells, sizeof(uint32_t)), vault->head->n_cells};
    uint32_t n_fds = highest_fd(vault) + 1;
    struct claims fds = {calloc(n_fds, sizeof(uint32_t)), n_fds};
    uint32_t n_broken = 0;
    for (uint32_t i = 0; i < vault->head->slots_reserved; i++) {
        const struct slot *slot = &vault->slots[i];
        if (slot->state != SLOT_LIVE)
            continue;
        uint32_t other = SLOT_NONE;
        enum invariant broken = verify_slot(vault, slot);
        if (!broken && chunks.owner && cells.owner && fds.owner)
            broken = claim_all(vault, slot, &chunks, &cells, &fds, &other);
        if (!broken)
            continue;
        n_broken++;
        report(arg, i, broken);
        if (other != SLOT_NONE && vault->slots[other].state == SLOT_LIVE && other != i) {
            n_broken++;
            report(arg, other, broken);
        }
    }
    free(chunks.owner);
    free(cells.owner);
    free(fds.owner);
    return n_broken;
}
