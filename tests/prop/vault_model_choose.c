// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What may be done next (vault_model.h). Errors: none.
#include "vault_model.h"

#define PATIENCE 100000u // tries until a kind of operation counts as not possible now

static int source_fd(const struct model_slot *slot, enum flow_dir dir)
{
    return dir == TO_GAME ? slot->player.ours : slot->game.ours;
}

static int destination_fd(const struct model_slot *slot, enum flow_dir dir)
{
    return dir == TO_GAME ? slot->game.ours : slot->player.ours;
}

static bool find_stock(const struct model *model, uint32_t *stock)
{
    for (*stock = 0; *stock < MODEL_STOCK; ++*stock)
        if (model->stock[*stock].ours >= 0)
            return true;
    return false;
}

static bool has_room(const struct model *model)
{
    for (unsigned i = 0; i < MODEL_SLOTS; i++)
        if (!model->slot[i].is_live)
            return true;
    return false;
}

static uint64_t dice_resume(const struct model *model, struct dice *dice)
{
    static const uint64_t edges[] = {
        0, 1, CELL_BYTES, CELL_BYTES + 1, VAULT_RESUME_BYTES, VAULT_RESUME_BYTES + 1};
    if (model->is_brief)
        return CELL_BYTES + dice_below(dice, 20);
    return dice_one_in(dice, 2) ? edges[dice_below(dice, sizeof edges / sizeof *edges)]
                                : dice_below(dice, VAULT_RESUME_BYTES + 1);
}

// All of it as often as not.
static uint64_t dice_part(struct dice *dice, uint64_t n)
{
    return dice_one_in(dice, 2) ? n : 1 + dice_below(dice, n);
}

static bool choose_in_flow(const struct model_slot *slot, struct dice *dice, struct op *op)
{
    const struct model_flow *flow = &slot->flow[op->dir];
    struct flow_state state = flow->state;
    uint32_t n = 0;
    switch (op->kind) {
    case OP_RECEIVE:
        if (source_fd(slot, op->dir) >= 0 && state.phase == FLOW_OPEN)
            n = buffer_room(model_receives_into(slot, &state));
        break;
    case OP_SEND:
        if (destination_fd(slot, op->dir) >= 0 && !flow->is_cut)
            n = flow_unsent(&state, op->dir);
        break;
    case OP_STEP:
        n = buffer_bytes(&state.in);
        if (n > buffer_room(&state.out))
            n = buffer_room(&state.out);
        break;
    case OP_ACKNOWLEDGE:
        n = flow_unacked(&state, op->dir);
        break;
    case OP_MOVE:
        return state.out.start > 0;
    case OP_REKEY:
        return slot->flags & SLOT_FLAG_TLS;
    case OP_SHUT:
        return state.phase != FLOW_SHUT;
    default:
        return true;
    }
    op->n = n ? dice_part(dice, n) : 0;
    return n > 0;
}

static bool choose_in_slot(const struct model *model, struct dice *dice, struct op *op)
{
    const struct model_slot *slot = &model->slot[op->slot];
    if (!slot->is_live)
        return false;
    switch (op->kind) {
    case OP_LINK:
        return slot->game.ours < 0 && slot->flow[TO_PLAYER].state.phase == FLOW_OPEN &&
               !slot->flow[TO_PLAYER].is_cut && !slot->flow[TO_GAME].is_cut &&
               find_stock(model, &op->stock);
    case OP_UNLINK:
        return slot->game.ours >= 0 && slot->flow[TO_GAME].state.input.unacked == 0; // I17
    case OP_FACT:
        op->n = dice_below(dice, dice_one_in(dice, 4) ? 200 : 20);
        return true;
    case OP_STATE:
        op->n = dice_resume(model, dice);
        return true;
    case OP_FREE:
        return true;
    default:
        return choose_in_flow(slot, dice, op);
    }
}

static bool choose(const struct model *model, struct dice *dice, struct op *op)
{
    switch (op->kind) {
    case OP_FILL:
        return has_room(model) && find_stock(model, &op->stock);
    case OP_CHUNKS:
        op->n = dice_below(dice, model->is_brief ? 2 : 8);
        return true;
    case OP_GAME:
        op->n = dice_below(dice, VAULT_GAMES);
        return true;
    case OP_ORDER:
    case OP_ASK:
        op->n = 1 + dice_below(dice, 6); // the token
        return true;
    case OP_SIGNAL:
        return true;
    case OP_ANSWER:
        op->n = model->asked;
        return model->asked > model->done;
    case OP_BEGIN:
        return !model_is_upgrading(model);
    case OP_PHASE: // good or bad
        op->n = model->upgrade.phase == UPGRADE_TRIAL
                    ? (dice_one_in(dice, 2) ? UPGRADE_PROBATION : UPGRADE_REFUSED)
                    : (dice_one_in(dice, 2) ? UPGRADE_GOOD : UPGRADE_BACK);
        return model_is_upgrading(model);
    default:
        return choose_in_slot(model, dice, op);
    }
}

bool model_choose(const struct model *model, enum op_kind kind, struct dice *dice, struct op *op)
{
    static const uint8_t often[OP_KINDS] = {
        [OP_FILL] = 24, [OP_FREE] = 2,  [OP_LINK] = 24,  [OP_UNLINK] = 2,       [OP_RECEIVE] = 32,
        [OP_SEND] = 48, [OP_STEP] = 40, [OP_MOVE] = 24,  [OP_ACKNOWLEDGE] = 24, [OP_REKEY] = 6,
        [OP_TURN] = 3,  [OP_SHUT] = 2,  [OP_FACT] = 2,   [OP_STATE] = 6,        [OP_CHUNKS] = 6,
        [OP_GAME] = 2,  [OP_ORDER] = 4, [OP_SIGNAL] = 2, [OP_ANSWER] = 4,       [OP_ASK] = 3,
        [OP_BEGIN] = 3, [OP_PHASE] = 3,
    };
    for (unsigned i = 0; kind == OP_KINDS || i < PATIENCE; i++) {
        *op = (struct op){
            .kind = kind == OP_KINDS ? (enum op_kind)dice_below(dice, OP_KINDS) : kind,
            .dir = (enum flow_dir)dice_below(dice, 2),
            .slot = (uint32_t)dice_below(dice, MODEL_SLOTS),
            .salt = dice_next(dice),
        };
        if (kind == OP_KINDS && dice_below(dice, 48) >= often[op->kind])
            continue;
        if (choose(model, dice, op))
            return true;
    }
    return false;
}
