// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A worker that performs operations (vault_worker.h). What it does between the vault's own
// functions is what relay/ and worker/ do: buffers are changed in free memory and committed, then
// what the new state does not claim is given back.
//
// Errors: see vault_worker.h.
#include "vault_worker.h"

#include "vault/facts.h"
#include "vault/receipt.h"
#include "vault/verify.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <unistd.h>

static struct life *present; // in a worker only

void point_reached(enum point point)
{
    if (!present || (int)point != present->point || present->nth == 0 || --present->nth > 0)
        return;
    kill(getpid(), present->is_traced ? SIGSTOP : SIGKILL);
}

static _Noreturn void die(const char *why)
{
    fprintf(stderr, "worker: %s\n", why);
    _exit(WORKER_FAILED);
}

static void see_broken(void *arg, uint32_t slot, enum invariant invariant)
{
    (void)arg;
    fprintf(stderr, "slot %u breaks I%d\n", slot, invariant);
}

const char *hands_take_up(struct hands *hands, struct vault *vault)
{
    *hands = (struct hands){.vault = vault};
    if (verify_head(vault))
        return "the head breaks an invariant";
    receipt_settle(vault);
    if (verify_all(vault, see_broken, NULL))
        return "an invariant is broken";
    if (slot_pool_make(&hands->slots, vault) < 0 || cell_pool_make(&hands->cells, vault) < 0 ||
        chunk_pool_make(&hands->chunks, vault) < 0)
        return "no memory";
    return NULL;
}

void hands_free(struct hands *hands)
{
    slot_pool_free(&hands->slots);
    cell_pool_free(&hands->cells);
    chunk_pool_free(&hands->chunks);
}

// ---- Operations ----

static void commit(struct hands *hands, struct slot *slot, enum flow_dir dir,
                   const struct flow_state *next)
{
    struct flow_state before = *flow_now(&slot->flow[dir]);
    flow_commit(slot, dir, next);
    if (before.in.chunk != next->in.chunk)
        chunk_give(&hands->chunks, before.in.chunk);
    if (before.out.chunk != next->out.chunk)
        chunk_give(&hands->chunks, before.out.chunk);
}

static uint32_t take_chunk(struct hands *hands)
{
    uint32_t chunk = chunk_take(&hands->chunks);
    if (chunk == CHUNK_NONE)
        die("no chunk");
    return chunk;
}

static int64_t fill(struct hands *hands, const struct model_slot *wanted)
{
    struct slot *slot = slot_prepare(&hands->slots);
    if (!slot)
        die("no slot");
    slot->flags = wanted->flags;
    slot->port = (uint16_t)wanted->salt;
    slot->game = (uint16_t)(wanted->salt >> 16) % VAULT_GAMES;
    slot->tls_version = wanted->salt & 0x100000 ? RECORD_TLS12 : RECORD_TLS13;
    slot->cipher = (uint8_t)(wanted->salt >> 24) % RECORD_N_CIPHERS;
    for (int dir = 0; dir < 2; dir++)
        model_fill(wanted->flow[dir].key_salt, &slot->keys[dir], sizeof slot->keys[dir]);
    slot_claim(slot, wanted->player.ours);
    return vault_slot_index(hands->vault, slot);
}

static void join(struct slot *slot, int game_fd, uint64_t salt)
{
    uint32_t flags = slot->flags & ~SLOT_FLAG_ACKS;
    POINT(LINK_READY);
    slot_link(slot, game_fd, flags | SLOT_FLAG_LINKED | (salt & 2 ? SLOT_FLAG_ACKS : 0));
    POINT(LINK_CLAIMED);
}

static void unjoin(struct slot *slot)
{
    int game_fd = slot->game_fd;
    slot_link(slot, -1, slot->flags);
    POINT(LINK_DROPPED);
    slot_end_fd(game_fd);
}

static int64_t receive(struct hands *hands, struct slot *slot, const struct op *op)
{
    struct flow_state now = *flow_now(&slot->flow[op->dir]);
    struct buffer *buffer = slot_receive_buffer(slot, &now);
    bool is_fresh = buffer->chunk == CHUNK_NONE;
    uint32_t chunk = is_fresh ? take_chunk(hands) : buffer->chunk;
    int64_t n = receipt_recv(hands->vault, op->slot, op->dir,
                             op->dir == TO_GAME ? slot->player_fd : slot->game_fd, chunk,
                             buffer->end, (uint32_t)op->n);
    if (n <= 0 && is_fresh)
        chunk_give(&hands->chunks, chunk);
    return n;
}

static int64_t send_out(struct hands *hands, const struct slot *slot, const struct op *op)
{
    const struct flow *flow = &slot->flow[op->dir];
    uint32_t chunk = flow_now(flow)->out.chunk;
    int64_t n = receipt_send(hands->vault, op->slot, op->dir,
                             op->dir == TO_GAME ? slot->game_fd : slot->player_fd);
    if (flow_now(flow)->out.chunk == CHUNK_NONE)
        chunk_give(&hands->chunks, chunk);
    return n;
}

static void step(struct hands *hands, struct slot *slot, const struct op *op)
{
    struct flow_state next = *flow_now(&slot->flow[op->dir]);
    if (next.out.chunk == CHUNK_NONE)
        next.out.chunk = take_chunk(hands);
    const uint8_t *in = vault_chunk(hands->vault, next.in.chunk) + next.in.start;
    uint8_t *out = vault_chunk(hands->vault, next.out.chunk) + next.out.end;
    for (uint64_t i = 0; i < op->n; i++)
        out[i] = in[i] ^ 0x80;
    POINT(TEXT_FOLLOWED);
    next.out.end = (uint16_t)(next.out.end + op->n);
    next.telnet.flags = op->salt & 2 ? TELNET_IN_LINE : 0;
    buffer_take(&next.in, (uint32_t)op->n);
    commit(hands, slot, op->dir, &next);
}

static void move(struct hands *hands, struct slot *slot, enum flow_dir dir)
{
    struct flow_state next = *flow_now(&slot->flow[dir]);
    uint32_t n = buffer_bytes(&next.out);
    uint32_t chunk = take_chunk(hands);
    memcpy(vault_chunk(hands->vault, chunk),
           vault_chunk(hands->vault, next.out.chunk) + next.out.start, n);
    POINT(BUFFER_COPIED);
    next.out = (struct buffer){.chunk = chunk, .end = (uint16_t)n};
    commit(hands, slot, dir, &next);
}

static void acknowledge(struct hands *hands, struct slot *slot, enum flow_dir dir, uint32_t n)
{
    struct flow_state next = *flow_now(&slot->flow[dir]);
    next.input.unacked = (uint16_t)(next.input.unacked - n);
    buffer_take(&next.out, n);
    commit(hands, slot, dir, &next);
}

static void rekey(struct hands *hands, struct slot *slot, const struct op *op,
                  const struct record_key *fresh)
{
    struct flow_state next = *flow_now(&slot->flow[op->dir]);
    uint8_t key = slot_free_key(next.key, flow_now(&slot->flow[!op->dir])->key);
    slot->keys[key] = *fresh;
    POINT(KEY_WRITTEN);
    next.key = key;
    commit(hands, slot, op->dir, &next);
}

static void turn(struct hands *hands, struct slot *slot, enum flow_dir dir, uint64_t salt)
{
    struct flow_state next = *flow_now(&slot->flow[dir]);
    model_turn(&next, dir, salt);
    commit(hands, slot, dir, &next);
}

static void pass_end(struct hands *hands, struct slot *slot, enum flow_dir dir)
{
    int fd = dir == TO_GAME ? slot->game_fd : slot->player_fd;
    if (fd >= 0)
        shutdown(fd, SHUT_WR);
    POINT(END_PASSED);
    struct flow_state next = *flow_now(&slot->flow[dir]);
    flow_set_phase(&next, dir, FLOW_SHUT);
    next.in = next.out = BUFFER_EMPTY;
    if (dir == TO_GAME)
        next.input.unacked = 0;
    commit(hands, slot, dir, &next);
}

// A burst, and housekeeping after it.
static void take_and_trim(struct hands *hands, const struct op *op)
{
    uint32_t taken[8];
    uint32_t n = hands->chunks.n_free < op->n ? hands->chunks.n_free : (uint32_t)op->n;
    for (uint32_t i = 0; i < n; i++)
        memset(vault_chunk(hands->vault, taken[i] = take_chunk(hands)), (int)op->salt, CHUNK_BYTES);
    for (uint32_t i = 0; i < n; i++)
        chunk_give(&hands->chunks, taken[op->salt & 2 ? i : n - 1 - i]);
    chunk_pool_trim(&hands->chunks);
}

static int64_t perform_in_slot(struct hands *hands, const struct op *op, int stock_fd,
                               const union model_bytes *bytes)
{
    struct slot *slot = &hands->vault->slots[op->slot];
    switch (op->kind) {
    case OP_FREE:
        slot_free(&hands->slots, &hands->chunks, &hands->cells, slot);
        break;
    case OP_LINK:
        join(slot, stock_fd, op->salt);
        break;
    case OP_UNLINK:
        unjoin(slot);
        break;
    case OP_RECEIVE:
        return receive(hands, slot, op);
    case OP_SEND:
        return send_out(hands, slot, op);
    case OP_STEP:
        step(hands, slot, op);
        break;
    case OP_MOVE:
        move(hands, slot, op->dir);
        break;
    case OP_ACKNOWLEDGE:
        acknowledge(hands, slot, op->dir, (uint32_t)op->n);
        break;
    case OP_REKEY:
        rekey(hands, slot, op, &bytes->key);
        break;
    case OP_TURN:
        turn(hands, slot, op->dir, op->salt);
        break;
    case OP_SHUT:
        pass_end(hands, slot, op->dir);
        break;
    case OP_FACT:
        return facts_add(slot, FACT_HOST, bytes->byte, op->n);
    case OP_STATE:
        return resume_put(&hands->cells, slot, bytes->byte, op->n);
    default:
        die("no such operation");
    }
    return 0;
}

int64_t worker_note(struct vault_head *head, const struct op *op, const union model_bytes *bytes)
{
    const struct vault_order *order;
    char path[VAULT_PATH_BYTES];
    switch (op->kind) {
    case OP_GAME:
        game_commit(head, (unsigned)op->n, &bytes->game);
        break;
    case OP_ORDER:
        order = asked_for(head, op->n);
        return order ? (int64_t)order->number : 0;
    case OP_SIGNAL:
        asked_by_signal(head);
        break;
    case OP_ANSWER:
        asked_answer(head, op->n, op->salt & 2 ? ASKED_GOOD : ASKED_BAD, bytes->text);
        break;
    case OP_ASK:
        upgrading_ask(head, (uint32_t)op->n, bytes->text);
        break;
    case OP_BEGIN:
        upgrading_begin(head, bytes->text, path);
        break;
    case OP_PHASE:
        upgrading_set(head, (enum upgrade_phase)op->n, op->salt & 2 ? bytes->text : NULL);
        break;
    default:
        die("no such note");
    }
    return 0;
}

static int64_t perform(struct hands *hands, const struct op *op, int stock_fd,
                       const struct model_slot *fresh, const union model_bytes *bytes)
{
    if (op->kind == OP_FILL)
        return fill(hands, fresh);
    if (op->kind == OP_CHUNKS)
        take_and_trim(hands, op);
    else if (op->kind >= OP_GAME)
        return worker_note(hands->vault->head, op, bytes);
    else
        return perform_in_slot(hands, op, stock_fd, bytes);
    return 0;
}

// ---- A life ----

static int in_order(const void *one, const void *other)
{
    uint32_t a = *(const uint32_t *)one;
    uint32_t b = *(const uint32_t *)other;
    return (a > b) - (a < b);
}

static bool is_same_stack(uint32_t *one, uint32_t n_one, uint32_t *other, uint32_t n_other)
{
    qsort(one, n_one, sizeof *one, in_order);
    qsort(other, n_other, sizeof *other, in_order);
    return n_one == n_other && memcmp(one, other, n_one * sizeof *one) == 0;
}

// The free lists that were kept are those that the vault says.
static void compare_pools(struct hands *kept)
{
    struct hands anew;
    if (hands_take_up(&anew, kept->vault))
        die("after its life the vault cannot be taken up");
    if (!is_same_stack(kept->slots.free, kept->slots.n_free, anew.slots.free, anew.slots.n_free))
        die("the free slots are others than those kept");
    if (!is_same_stack(kept->cells.free, kept->cells.n_free, anew.cells.free, anew.cells.n_free))
        die("the free cells are others than those kept");
    if (!is_same_stack(kept->chunks.free, kept->chunks.n_free, anew.chunks.free,
                       anew.chunks.n_free))
        die("the free chunks are others than those kept");
    hands_free(&anew);
}

static void stop_before(struct life *life, int place)
{
    if (life->stop_at != place)
        return;
    life->stop_at = WORKER_NOWHERE;
    kill(getpid(), SIGSTOP);
}

// Choose what to do next, do it, and note both. What it writes is made before it begins, so that a
// death falls into the vault's own work.
static void do_one(struct hands *hands, struct model *model, struct dice *dice, struct life *life,
                   unsigned i)
{
    struct op *op = &life->op[i];
    struct op chosen;
    union model_bytes bytes;
    if (!model_choose(model, (enum op_kind)life->script[i], dice, &chosen)) {
        fprintf(stderr, "operation %u, of kind %d: ", i, (int)life->script[i]);
        die("it is wanted, and cannot be done now");
    }
    *op = chosen;
    struct model_pair pair = model->stock[op->stock];
    const struct model_slot fresh = model_new_slot(op, pair);
    model_write(op, &bytes);
    life->n_begun = i + 1;
    stop_before(life, (int)op->kind);
    op->result = perform(hands, op, pair.ours, &fresh, &bytes);
    if (op->kind == OP_FILL)
        op->slot = (uint32_t)op->result;
    life->n_done = i + 1;
    if (!model_apply(model, op)) {
        fprintf(stderr, "operation %d: %lld\n", (int)op->kind, (long long)op->result);
        die("an operation had a result that it cannot have");
    }
}

_Noreturn void worker_live(struct vault *vault, struct model *model, struct life *life)
{
    struct dice dice = {life->seed};
    struct hands hands;
    signal(SIGSEGV, SIG_DFL); // not cmocka's
    present = life;
    if (life->is_traced && ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
        die("it cannot be traced");
    stop_before(life, WORKER_START);
    const char *wrong = hands_take_up(&hands, vault);
    if (wrong)
        die(wrong);
    for (unsigned i = 0; i < life->n_ops; i++)
        do_one(&hands, model, &dice, life, i);
    present = NULL;
    compare_pools(&hands);
    _exit(0);
}
