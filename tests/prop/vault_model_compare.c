// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Is the vault as the model says (vault_model.h)? Errors: a text that says what differs.
#include "vault_model.h"

#include "vault/resume.h"

#include <string.h>

static struct flow_state as_in_model(const struct flow_state *state)
{
    struct flow_state bare = *state;
    bare.settled = 0;
    if (bare.in.chunk != CHUNK_NONE)
        bare.in.chunk = 0;
    if (bare.out.chunk != CHUNK_NONE)
        bare.out.chunk = 0;
    return bare;
}

static bool holds(const struct vault *vault, const struct buffer *buffer, uint64_t salt,
                  uint8_t change, uint64_t offset)
{
    for (uint32_t i = 0; i < buffer_bytes(buffer); i++)
        if (vault_chunk(vault, buffer->chunk)[buffer->start + i] !=
            (model_byte(salt, offset + i) ^ change))
            return false;
    return true;
}

static const char *compare_flow(const struct vault *vault, const struct model_slot *wanted,
                                const struct slot *slot, enum flow_dir dir)
{
    const struct flow_state *state = flow_now(&slot->flow[dir]);
    struct flow_state bare = as_in_model(state);
    struct record_key key;
    if (memcmp(&bare, &wanted->flow[dir].state, sizeof bare) != 0)
        return "a flow's state";
    uint64_t salt = model_flow_salt(wanted, dir);
    if (!holds(vault, &state->out, salt, model_change(wanted),
               state->sent - flow_unacked(state, dir)) ||
        !holds(vault, &state->in, salt, 0, state->sent + flow_unsent(state, dir)))
        return "a buffer's bytes";
    model_fill(wanted->flow[dir].key_salt, &key, sizeof key);
    if (wanted->flags & SLOT_FLAG_TLS && memcmp(&key, &slot->keys[state->key], sizeof key) != 0)
        return "a key";
    return NULL;
}

static const char *compare_slot(struct model_slot *wanted, const struct vault *vault,
                                const struct slot *slot)
{
    uint8_t state[VAULT_RESUME_BYTES];
    uint8_t wanted_state[VAULT_RESUME_BYTES];
    if (slot->player_fd != wanted->player.ours || slot->game_fd != wanted->game.ours ||
        slot->flags != wanted->flags)
        return "descriptors or flags";
    if (!wanted->has_id)
        memcpy(wanted->id, slot->id, sizeof wanted->id);
    wanted->has_id = true;
    if (memcmp(wanted->id, slot->id, sizeof wanted->id) != 0 ||
        slot->port != (uint16_t)wanted->salt)
        return "an id or a port";
    if (slot->facts_bytes != wanted->n_facts ||
        memcmp(slot->facts, wanted->facts, wanted->n_facts) != 0)
        return "facts";
    model_fill(wanted->resume_salt, wanted_state, wanted->n_resume);
    if (resume_get(vault, slot, state) != wanted->n_resume ||
        memcmp(state, wanted_state, wanted->n_resume) != 0)
        return "a resume state";
    const char *wrong = NULL;
    for (int dir = 0; dir < 2 && !wrong; dir++) {
        // Which area a key lies in is the vault's business.
        wanted->flow[dir].state.key = flow_now(&slot->flow[dir])->key;
        wrong = compare_flow(vault, wanted, slot, (enum flow_dir)dir);
    }
    return wrong;
}

const char *model_compare_slots(struct model *model, const struct vault *vault)
{
    const char *wrong = NULL;
    for (uint32_t i = 0; i < MODEL_SLOTS && !wrong; i++) {
        bool is_live = i < vault->head->slots_reserved && vault->slots[i].state == SLOT_LIVE;
        if (is_live != model->slot[i].is_live)
            return "who is live";
        if (is_live)
            wrong = compare_slot(&model->slot[i], vault, &vault->slots[i]);
    }
    for (unsigned i = 0; i < VAULT_GAMES && !wrong; i++) {
        struct game_state state = game_now(vault->head, i);
        if (memcmp(&state, &model->game[i], sizeof state) != 0)
            wrong = "a game";
    }
    return wrong;
}

const char *model_compare_notes(const struct model *model, const struct vault_head *head)
{
    const struct vault_upgrade *wanted = &model->upgrade;
    const struct vault_upgrade *note = &head->upgrade;
    if (head->reload.asked != model->asked || head->reload.done != model->done)
        return "how many reloads were ordered or answered";
    for (unsigned i = 0; i < VAULT_ORDERS; i++) {
        const struct model_order *order = &model->order[i];
        const struct vault_order *it = &head->reload.order[i];
        if (it->number != order->number || it->token != order->token)
            return "an order to reload";
        if (it->result != order->result || (it->result && strcmp(it->text, order->text) != 0))
            return "an answer to an order to reload";
    }
    if (note->phase != wanted->phase || note->asked != wanted->asked ||
        note->taken != wanted->taken || note->token != wanted->token ||
        note->done_token != wanted->done_token)
        return "how far an upgrade is";
    if (strcmp(note->path, wanted->path) != 0 || strcmp(note->from, wanted->from) != 0 ||
        strcmp(note->to, wanted->to) != 0 || strcmp(note->why, wanted->why) != 0)
        return "what is said of an upgrade";
    return NULL;
}

uint32_t model_n_chunks(const struct model *model)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < MODEL_SLOTS; i++)
        for (int dir = 0; dir < 2 && model->slot[i].is_live; dir++) {
            const struct flow_state *state = &model->slot[i].flow[dir].state;
            n += state->in.chunk != CHUNK_NONE;
            n += state->out.chunk != CHUNK_NONE;
        }
    return n;
}

uint32_t model_n_cells(const struct model *model)
{
    uint32_t n = 0;
    for (unsigned i = 0; i < MODEL_SLOTS; i++)
        n += (uint32_t)((model->slot[i].n_resume + CELL_BYTES - 1) / CELL_BYTES);
    return n;
}
