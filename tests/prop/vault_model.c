// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The model of a vault (vault_model.h). Errors: false, or a text that says what differs.
#include "vault_model.h"

#include "vault/facts.h"
#include "vault/resume.h"

#include <string.h>

uint8_t model_byte(uint64_t salt, uint64_t offset)
{
    // As they are and as OP_STEP makes them.
    static const uint8_t ends[] = {'\r', '\n', '\0', '\r' ^ 0x80, '\n' ^ 0x80, '\0' ^ 0x80};
    uint64_t word = dice_mix(salt + offset);
    return word % 8 ? (uint8_t)(word >> 8) : ends[(word >> 16) % sizeof ends];
}

uint64_t model_flow_salt(const struct model_slot *slot, enum flow_dir dir)
{
    return dice_mix(slot->salt + dir);
}

uint8_t model_change(const struct model_slot *slot)
{
    return model_has_step(slot) ? 0x80 : 0;
}

// Of what a flow sends.
static uint8_t out_byte(const struct model_slot *slot, enum flow_dir dir, uint64_t offset)
{
    return model_byte(model_flow_salt(slot, dir), offset) ^ model_change(slot);
}

void model_fill(uint64_t salt, void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)bytes)[i] = (uint8_t)dice_mix(salt + i);
}

// Lines, of any length that there is room for.
static void make_text(uint64_t salt, char text[MODEL_BYTES])
{
    size_t n = dice_mix(salt) % MODEL_BYTES;
    for (size_t i = 0; i < n; i++) {
        uint64_t word = dice_mix(salt + 1 + i);
        text[i] = word % 40 ? (char)(' ' + (word >> 8) % 96) : '\n'; // 127 too
    }
    text[n] = '\0';
}

void model_write(const struct op *op, union model_bytes *bytes)
{
    if (op->kind == OP_ANSWER || op->kind == OP_ASK || op->kind == OP_BEGIN || op->kind == OP_PHASE)
        make_text(op->salt, bytes->text);
    else
        model_fill(op->salt, bytes->byte, MODEL_BYTES);
}

void model_turn(struct flow_state *state, enum flow_dir dir, uint64_t salt)
{
    struct dice dice = {salt};
    state->record.seq = dice_next(&dice);
    state->record.debt = (uint8_t)dice_next(&dice);
    state->telnet.will = (uint32_t)dice_next(&dice);
    state->flags = (uint8_t)dice_next(&dice);
    if (dir == TO_GAME) {
        state->input.origin = dice_next(&dice);
        state->input.alert = (uint8_t)dice_next(&dice);
    } else {
        state->output.aside = dice_next(&dice);
        state->output.notice = (uint32_t)dice_next(&dice);
        state->output.answered = (uint16_t)dice_next(&dice);
    }
}

// A buffer that owns something owns chunk 0 here.
static void append(struct buffer *buffer, uint32_t n)
{
    if (n == 0)
        return;
    buffer->chunk = 0;
    buffer->end = (uint16_t)(buffer->end + n);
}

static void take(struct buffer *buffer, uint64_t n)
{
    buffer->start = (uint16_t)(buffer->start + n);
    if (buffer->start == buffer->end)
        *buffer = BUFFER_EMPTY;
}

// From now on nobody but this end's player or game has it.
static void give_up(struct model *model, const struct model_slot *slot, enum flow_dir dir)
{
    const struct model_flow *flow = &slot->flow[dir];
    const struct model_pair *pair = dir == TO_GAME ? &slot->game : &slot->player;
    if (pair->ours < 0)
        return;
    model->gone[model->n_gone++] = (struct model_gone){
        .theirs = pair->theirs,
        .salt = model_flow_salt(slot, dir),
        .change = model_change(slot),
        .heard = flow->heard,
        .sent = flow->state.sent,
    };
}

static struct model_pair take_stock(struct model *model, uint32_t stock)
{
    struct model_pair pair = model->stock[stock];
    model->stock[stock] = (struct model_pair){-1, -1};
    return pair;
}

struct model_slot model_new_slot(const struct op *op, struct model_pair player)
{
    static const uint32_t flags[] = {0, SLOT_FLAG_TLS, SLOT_FLAG_TELNET,
                                     SLOT_FLAG_TLS | SLOT_FLAG_TELNET};
    struct model_slot slot = {
        .is_live = true,
        .salt = op->salt,
        .flags = flags[op->salt >> 8 & 3],
        .player = player,
        .game = {-1, -1},
    };
    for (int dir = 0; dir < 2; dir++) {
        struct flow_state *state = &slot.flow[dir].state;
        state->in = state->out = BUFFER_EMPTY;
        slot.flow[dir].key_salt = op->salt + (unsigned)dir;
    }
    slot.flow[TO_GAME].state.input.alert = FLOW_ALERT_NONE;
    return slot;
}

static bool apply_fill(struct model *model, const struct op *op)
{
    if (model->slot[op->slot].is_live)
        return false;
    model->slot[op->slot] = model_new_slot(op, take_stock(model, op->stock));
    return true;
}

static bool apply_free(struct model *model, const struct op *op)
{
    struct model_slot *slot = &model->slot[op->slot];
    give_up(model, slot, TO_GAME);
    give_up(model, slot, TO_PLAYER);
    *slot = (struct model_slot){0};
    return true;
}

static bool apply_link(struct model *model, const struct op *op)
{
    struct model_slot *slot = &model->slot[op->slot];
    slot->game = take_stock(model, op->stock);
    slot->flags |= SLOT_FLAG_LINKED;
    if (op->salt & 2)
        slot->flags |= SLOT_FLAG_ACKS;
    else
        slot->flags &= ~SLOT_FLAG_ACKS;
    return true;
}

static bool apply_unlink(struct model *model, const struct op *op)
{
    struct model_slot *slot = &model->slot[op->slot];
    struct model_flow *flow = &slot->flow[TO_PLAYER];
    give_up(model, slot, TO_GAME);
    slot->game = (struct model_pair){-1, -1};
    flow->said = flow->state.received; // the rest is for nobody
    flow->is_all_said = false;
    slot->flow[TO_GAME].heard = slot->flow[TO_GAME].state.sent;
    return true;
}

// n more bytes have come.
static void note_http(struct model_slot *slot, enum flow_dir dir, uint64_t n)
{
    struct flow_state *state = &slot->flow[dir].state;
    for (uint64_t i = 0; i < n; i++) {
        uint8_t byte = model_byte(model_flow_salt(slot, dir), state->received + i);
        state->http = dir == TO_GAME ? http_follow_request(state->http, &byte, 1)
                                     : http_follow_answer(state->http, &byte, 1);
    }
}

static bool apply_receive(struct model_slot *slot, const struct op *op)
{
    struct model_flow *flow = &slot->flow[op->dir];
    uint64_t n = flow->said - flow->state.received;
    if (n > op->n)
        n = op->n;
    if (n > 0) {
        if (!model_has_step(slot))
            note_http(slot, (enum flow_dir)op->dir, n);
        flow->state.received += n;
        append(model_receives_into(slot, &flow->state), (uint32_t)n);
        return op->result == (int64_t)n;
    }
    if (flow->is_all_said)
        flow->state.phase = op->dir == TO_GAME ? FLOW_ENDING : FLOW_CUT;
    return op->result == (flow->is_all_said ? 0 : -1);
}

// Where n more bytes leave the game (telnet_front.h), if it gets or gives up as many.
static uint8_t front_behind(const struct model_slot *slot, const struct flow_state *state,
                            uint64_t n)
{
    uint8_t front = state->input.front;
    for (uint64_t at = state->sent - state->input.unacked; n > 0; n--) {
        uint8_t byte = out_byte(slot, TO_GAME, at++);
        front = front_follow(front, slot->flags & SLOT_FLAG_TELNET, &byte, 1);
    }
    return front;
}

static bool apply_send(struct model_slot *slot, const struct op *op)
{
    struct model_flow *flow = &slot->flow[op->dir];
    struct flow_state *state = &flow->state;
    uint64_t n = (uint64_t)op->result;
    if (op->result < 0) // only who has not heard all can be slow
        return state->sent > flow->heard;
    if (n == 0 || n > flow_unsent(state, op->dir))
        return false;
    bool is_kept = op->dir == TO_GAME && slot->flags & SLOT_FLAG_ACKS;
    if (op->dir == TO_GAME && !is_kept) {
        state->input.front = front_behind(slot, state, n);
        state->flags =
            (uint8_t)((state->flags & ~FLOW_HEADLESS) | (state->input.front ? FLOW_HEADLESS : 0));
    }
    state->sent += n;
    if (op->dir == TO_GAME)
        state->flags &= (uint8_t)~FLOW_FRESH;
    if (is_kept)
        state->input.unacked = (uint16_t)(state->input.unacked + n);
    else
        take(&state->out, n);
    return true;
}

static bool apply_fact(struct model_slot *slot, const struct op *op)
{
    bool fits = slot->n_facts + 2 + op->n <= SLOT_FACTS_BYTES;
    if (fits) {
        uint8_t *at = slot->facts + slot->n_facts;
        at[0] = FACT_HOST;
        at[1] = (uint8_t)op->n;
        model_fill(op->salt, at + 2, op->n);
        slot->n_facts += 2 + op->n;
    }
    return op->result == fits;
}

static bool apply_state(struct model_slot *slot, const struct op *op)
{
    bool fits = op->n <= VAULT_RESUME_BYTES;
    if (fits) {
        slot->n_resume = op->n;
        slot->resume_salt = op->salt;
    }
    return op->result == fits;
}

static bool apply_in_slot(struct model_slot *slot, const struct op *op)
{
    struct model_flow *flow = &slot->flow[op->dir];
    struct flow_state *state = &flow->state;
    switch (op->kind) {
    case OP_RECEIVE:
        return apply_receive(slot, op);
    case OP_SEND:
        return apply_send(slot, op);
    case OP_STEP:
        take(&state->in, op->n);
        append(&state->out, (uint32_t)op->n);
        state->telnet.flags = op->salt & 2 ? TELNET_IN_LINE : 0;
        return true;
    case OP_MOVE:
        state->out.end = (uint16_t)(state->out.end - state->out.start);
        state->out.start = 0;
        return true;
    case OP_ACKNOWLEDGE:
        state->input.unacked = (uint16_t)(state->input.unacked - op->n);
        take(&state->out, op->n);
        return true;
    case OP_REKEY:
        flow->key_salt = op->salt;
        return true;
    case OP_TURN:
        model_turn(state, op->dir, op->salt);
        return true;
    case OP_SHUT:
        flow->is_cut = true;
        state->phase = FLOW_SHUT;
        state->in = state->out = BUFFER_EMPTY;
        if (op->dir == TO_GAME)
            state->input.unacked = 0;
        return true;
    case OP_FACT:
        return apply_fact(slot, op);
    case OP_STATE:
        return apply_state(slot, op);
    default:
        return false;
    }
}

static bool apply_order(struct model *model, const struct op *op)
{
    for (unsigned i = 0; i < VAULT_ORDERS; i++)
        if (model->order[i].number && model->order[i].token == op->n)
            return op->result == (int64_t)model->order[i].number;
    if (model->asked - model->done >= VAULT_ORDERS)
        return op->result == 0;
    model->asked++;
    struct model_order *order = &model->order[model->asked % VAULT_ORDERS];
    order->number = model->asked;
    order->token = op->n;
    order->result = ASKED_WAITS;
    return op->result == (int64_t)order->number;
}

static bool apply_answer(struct model *model, const struct op *op)
{
    union model_bytes bytes;
    char *text = bytes.text;
    model_write(op, &bytes);
    // Cut at a line's end.
    if (strlen(text) >= VAULT_ORDER_TEXT_BYTES) {
        text[VAULT_ORDER_TEXT_BYTES - 1] = '\0';
        char *end = strrchr(text, '\n');
        *(end ? end + 1 : text) = '\0';
    }
    for (unsigned i = 0; i < VAULT_ORDERS; i++) {
        struct model_order *order = &model->order[i];
        if (order->number <= model->done || order->number > op->n)
            continue;
        order->result = op->salt & 2 ? ASKED_GOOD : ASKED_BAD;
        strcpy(order->text, text);
    }
    model->done = op->n;
    return true;
}

// One line that trips nobody.
static void say(char *field, size_t n_field, const struct op *op)
{
    union model_bytes bytes;
    model_write(op, &bytes);
    bytes.text[n_field - 1] = '\0';
    for (char *at = bytes.text; *at; at++)
        if (*at == '\n' || *at == 0x7f)
            *at = ' ';
        else if (*at == '"')
            *at = '\'';
    strcpy(field, bytes.text);
}

bool model_is_upgrading(const struct model *model)
{
    return model->upgrade.phase == UPGRADE_TRIAL || model->upgrade.phase == UPGRADE_PROBATION;
}

static bool apply_upgrade(struct model *model, const struct op *op)
{
    struct vault_upgrade *note = &model->upgrade;
    bool is_asked = note->asked != note->taken;
    if (op->kind == OP_ASK) {
        if (is_asked || note->done_token == op->n || model_is_upgrading(model))
            return true;
        say(note->path, sizeof note->path, op);
        note->token = (uint32_t)op->n;
        note->asked++;
    } else if (op->kind == OP_BEGIN) {
        say(note->from, sizeof note->from, op);
        note->to[0] = note->why[0] = '\0';
        note->done_token = is_asked ? note->token : 0;
        note->taken = note->asked;
        note->phase = UPGRADE_TRIAL;
    } else {
        if (op->salt & 2)
            say(note->why, sizeof note->why, op);
        note->phase = (uint32_t)op->n;
    }
    return true;
}

static void apply_game(struct model *model, const struct op *op)
{
    union model_bytes bytes;
    model_write(op, &bytes);
    model->game[op->n] = bytes.game;
}

bool model_apply(struct model *model, const struct op *op)
{
    switch (op->kind) {
    case OP_FILL:
        return apply_fill(model, op);
    case OP_FREE:
        return apply_free(model, op);
    case OP_LINK:
        return apply_link(model, op);
    case OP_UNLINK:
        return apply_unlink(model, op);
    case OP_CHUNKS:
        return true;
    case OP_GAME:
        apply_game(model, op);
        return true;
    case OP_ORDER:
        return apply_order(model, op);
    case OP_SIGNAL:
        model->asked++;
        return true;
    case OP_ANSWER:
        return apply_answer(model, op);
    case OP_ASK:
    case OP_BEGIN:
    case OP_PHASE:
        return apply_upgrade(model, op);
    default:
        return apply_in_slot(&model->slot[op->slot], op);
    }
}
