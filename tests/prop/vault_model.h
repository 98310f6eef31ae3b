// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What must be true of a vault, in ordinary memory: who is live, how far each stream is, what was
// left, ordered and noted. It knows operations by what they promise, not by how they do it. Which
// chunk, cell or slot is taken is the vault's business; only whether one is owned is known here.
//
// A stream is a function of the offset, so that of what was said nothing is kept.
//
// Errors: false, or a text that says what differs.
#ifndef STAYD_VAULT_MODEL_H
#define STAYD_VAULT_MODEL_H

#include "storm/dice.h"
#include "vault/asked.h"
#include "vault/flow.h"
#include "vault/game.h"
#include "vault/slot.h"
#include "vault/upgrading.h"

#define MODEL_SLOTS 6u
#define MODEL_STOCK 4u // pairs of sockets that wait to be used
#define MODEL_GONE 64u // ends of connections that a worker can give up in its life
#define MODEL_BYTES (VAULT_RESUME_BYTES + 1) // the most that an operation writes, and one more

enum op_kind {
    OP_FILL,        // a free slot, and claim it
    OP_FREE,        // give up a slot
    OP_LINK,        // join it to a game
    OP_UNLINK,      // its game is dead
    OP_RECEIVE,     // with a receipt, up to n bytes
    OP_SEND,        // with a receipt, all there is
    OP_STEP,        // n bytes from `in`, changed, to `out`
    OP_MOVE,        // `out` to the front of another chunk
    OP_ACKNOWLEDGE, // n of the bytes not acknowledged
    OP_REKEY,       // a new key
    OP_TURN,        // words of a flow's state that nothing else is bound to
    OP_SHUT,        // pass the end on
    OP_FACT,        // of n bytes
    OP_STATE,       // leave a resume state of n bytes, or take it away
    OP_CHUNKS,      // take n chunks and give them up; then trim
    OP_GAME,        // what is known of game n
    OP_ORDER,       // a reload, for a token
    OP_SIGNAL,      // a reload, by a signal
    OP_ANSWER,      // to what waits
    OP_ASK,         // for an upgrade
    OP_BEGIN,       // an upgrade
    OP_PHASE,       // of an upgrade
    OP_KINDS,
};

// One operation, and what came of it.
struct op {
    enum op_kind kind;
    enum flow_dir dir;
    uint32_t slot; // OP_FILL: chosen by the vault, known afterwards
    uint32_t stock;
    uint64_t n;
    uint64_t salt; // for what it writes
    int64_t result;
};

// A pair of sockets: the one that a slot gets, and the player or game at the other.
struct model_pair {
    int ours;
    int theirs; // -1: none
};

struct model_flow {
    struct flow_state
        state;      // as committed; a buffer that owns a chunk has 0 for it, `settled` is 0
    uint64_t said;  // by the source, ever
    uint64_t heard; // by the destination, ever
    uint64_t key_salt;
    bool is_all_said; // the source has shut its side
    bool is_cut;      // the destination may have been told the end
};

struct model_slot {
    bool is_live;
    bool has_id; // id is known
    uint32_t flags;
    uint64_t salt;
    uint8_t id[16];
    struct model_pair player;
    struct model_pair game;
    struct model_flow flow[2];
    size_t n_facts;
    uint8_t facts[SLOT_FACTS_BYTES];
    size_t n_resume;
    uint64_t resume_salt;
};

// One end of a connection that no slot claims any more: what it has still to hear, then the end.
struct model_gone {
    int theirs;
    uint64_t salt;
    uint8_t change;
    uint64_t heard;
    uint64_t sent;
};

struct model_order {
    uint64_t number;
    uint64_t token;
    uint32_t result;
    char text[VAULT_ORDER_TEXT_BYTES];
};

struct model {
    struct model_slot slot[MODEL_SLOTS];
    struct model_pair stock[MODEL_STOCK];
    bool is_brief; // operations are chosen that write little
    struct model_gone gone[MODEL_GONE];
    unsigned n_gone;
    struct game_state game[VAULT_GAMES];
    uint64_t asked;
    uint64_t done;
    struct model_order order[VAULT_ORDERS]; // by number
    struct vault_upgrade upgrade;           // `at_ms` and what the guard alone uses are left out
};

// The stream's byte at this offset. Ends of lines are frequent.
uint8_t model_byte(uint64_t salt, uint64_t offset);

// Salt of what a slot's flow carries; what OP_STEP changes in each byte (0: there is no step).
uint64_t model_flow_salt(const struct model_slot *slot, enum flow_dir dir);
uint8_t model_change(const struct model_slot *slot);

// What an operation writes: a key, a resume state, a fact, a text of lines.
union model_bytes {
    uint8_t byte[MODEL_BYTES];
    char text[MODEL_BYTES];
    struct game_state game;
    struct record_key key;
};

void model_write(const struct op *op, union model_bytes *bytes);
void model_fill(uint64_t salt, void *bytes, size_t n); // but for texts

static inline bool model_has_step(const struct model_slot *slot)
{
    return slot->flags & (SLOT_FLAG_TLS | SLOT_FLAG_TELNET);
}

static inline struct buffer *model_receives_into(const struct model_slot *slot,
                                                 struct flow_state *state)
{
    return model_has_step(slot) ? &state->in : &state->out;
}

bool model_is_upgrading(const struct model *model);

// What a slot is filled with.
struct model_slot model_new_slot(const struct op *op, struct model_pair player);

// The flow's state as OP_TURN changes it.
void model_turn(struct flow_state *state, enum flow_dir dir, uint64_t salt);

// Choose an operation that is allowed now, of this kind (OP_KINDS: of any). False: of this kind there
// is none.
bool model_choose(const struct model *model, enum op_kind kind, struct dice *dice, struct op *op);

// Do it here. False: it cannot have had this result.
bool model_apply(struct model *model, const struct op *op);

// NULL: the vault is as the model says. A slot's id is learned when it is seen first.
const char *model_compare_slots(struct model *model, const struct vault *vault);
const char *model_compare_notes(const struct model *model, const struct vault_head *head);

// How many chunks and cells are owned.
uint32_t model_n_chunks(const struct model *model);
uint32_t model_n_cells(const struct model *model);

#endif
