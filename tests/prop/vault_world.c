// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The world of the vault's property tests (vault_world.h). A worker shares the descriptor table, as
// in stayd. It is killed from outside between two instructions, found by single steps (ptrace(2)),
// so that a seed repeats it.
//
// Errors: cmocka failures.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vault_world.h"

#include "guard/guard.h"
#include "guard/sweep.h"
#include "process/clone.h"
#include "vault/receipt.h"
#include "vault/verify.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY_MAX 30000u
#define SMALL_SNDBUF 4608 // the least there is (socket(7)): who is sent more takes it in parts

void world_make(struct world *world, uint64_t seed, struct world_counts *counts)
{
    *world = (struct world){.dice = {seed}, .counts = counts, .say_max = SAY_MAX};
    assert_int_equal(vault_make(&world->vault, MODEL_SLOTS), 0);
    world->life =
        mmap(NULL, sizeof *world->life, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(world->life, MAP_FAILED);
    for (unsigned i = 0; i < MODEL_STOCK; i++)
        world->model.stock[i] = (struct model_pair){-1, -1};
}

static void close_pair(struct model_pair pair)
{
    if (pair.ours < 0)
        return;
    close(pair.ours);
    close(pair.theirs);
}

void world_free(struct world *world)
{
    for (unsigned i = 0; i < MODEL_SLOTS; i++) {
        if (!world->model.slot[i].is_live)
            continue;
        close_pair(world->model.slot[i].player);
        close_pair(world->model.slot[i].game);
    }
    int fd = world->vault.fd;
    vault_unmap(&world->vault);
    close(fd);
    munmap(world->life, sizeof *world->life);
}

// ---- Before a life ----

// Who is at the other end of what a flow receives, and of what it sends.
static int source_of(const struct model_slot *slot, enum flow_dir dir)
{
    return dir == TO_GAME ? slot->player.theirs : slot->game.theirs;
}

static int destination_of(const struct model_slot *slot, enum flow_dir dir)
{
    return dir == TO_GAME ? slot->game.theirs : slot->player.theirs;
}

static void say(struct world *world, const struct model_slot *slot, enum flow_dir dir,
                struct model_flow *flow)
{
    static uint8_t bytes[SAY_MAX];
    int fd = source_of(slot, dir);
    uint64_t salt = model_flow_salt(slot, dir);
    if (fd < 0 || flow->is_all_said || flow->state.phase != FLOW_OPEN ||
        dice_one_in(&world->dice, 2))
        return;
    uint64_t n = dice_size(&world->dice) % world->say_max;
    for (uint64_t i = 0; i < n; i++)
        bytes[i] = model_byte(salt, flow->said + i);
    ssize_t taken = send(fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (taken > 0)
        flow->said += (uint64_t)taken;
    if (dice_one_in(&world->dice, 40)) {
        assert_int_equal(shutdown(fd, SHUT_WR), 0);
        flow->is_all_said = true;
    }
}

static void all_speak(struct world *world)
{
    for (unsigned i = 0; i < MODEL_SLOTS; i++) {
        struct model_slot *slot = &world->model.slot[i];
        for (int dir = 0; dir < 2 && slot->is_live; dir++)
            say(world, slot, (enum flow_dir)dir, &slot->flow[dir]);
    }
}

static void fill_stock(struct world *world)
{
    for (unsigned i = 0; i < MODEL_STOCK; i++) {
        int pair[2];
        int few = SMALL_SNDBUF;
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        if (dice_one_in(&world->dice, 2))
            assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &few, sizeof few), 0);
        world->model.stock[i] = (struct model_pair){pair[0], pair[1]};
    }
}

// The sweep is not to close what is the test's own.
static void keep_own(struct world *world)
{
    unsigned place = 0;
    for (unsigned i = 0; i < VAULT_GUARD_FDS; i++)
        heritage_claim(&world->vault, i, -1);
    for (int fd = 0; fd < 3; fd++)
        heritage_claim(&world->vault, place++, fd);
    heritage_claim(&world->vault, place++, world->vault.fd);
    for (unsigned i = 0; i < MODEL_STOCK; i++)
        heritage_claim(&world->vault, place++, world->model.stock[i].theirs);
    for (unsigned i = 0; i < MODEL_SLOTS; i++) {
        const struct model_slot *slot = &world->model.slot[i];
        if (!slot->is_live)
            continue;
        heritage_claim(&world->vault, place++, slot->player.theirs);
        heritage_claim(&world->vault, place++, slot->game.theirs);
    }
}

// ---- A life ----

static void arm(struct world *world, enum world_end end, enum point point, unsigned n_ops)
{
    struct dice *dice = &world->dice;
    struct life *life = world->life;
    *life = (struct life){
        .seed = dice_next(dice),
        .n_ops = n_ops,
        .is_traced = end == WORLD_ANYWHERE,
        .point = WORKER_NOWHERE,
        .stop_at = WORKER_NOWHERE,
    };
    memset(life->script, OP_KINDS, sizeof life->script);
    if (world->script)
        memcpy(life->script, world->script, n_ops);
    if (end == WORLD_AT_POINT || (end == WORLD_ANYWHERE && dice_one_in(dice, 2))) {
        life->point = (int)point;
        life->nth = n_ops ? 1 + (unsigned)dice_below(dice, 1u << dice_below(dice, 3)) : 1;
    } else if (end == WORLD_ANYWHERE) {
        life->stop_at = n_ops ? (int)dice_below(dice, OP_KINDS + 1) : WORKER_START;
    }
}

// A few instructions as often as many.
static uint64_t dice_steps(struct dice *dice)
{
    return dice_below(dice, 4ULL << dice_below(dice, 9));
}

// Let a stopped worker go on for so many instructions, then kill it. Returns its status.
static int step_and_kill(pid_t pid, uint64_t n_steps)
{
    int status;
    for (; n_steps > 0; n_steps--) {
        assert_int_equal(ptrace(PTRACE_SINGLESTEP, pid, NULL, NULL), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFSTOPPED(status))
            return status;
        assert_int_equal(WSTOPSIG(status), SIGTRAP);
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void run_worker(struct world *world)
{
    int pidfd;
    int status;
    uint64_t n_steps = dice_steps(&world->dice);
    pid_t pid = clone_sharing_table(&pidfd);
    assert_true(pid >= 0);
    if (pid == 0)
        worker_live(&world->vault, &world->model, world->life);
    close(pidfd);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSTOPPED(status))
        status = step_and_kill(pid, n_steps);
    if (WIFEXITED(status)) {
        assert_int_equal(WEXITSTATUS(status), 0);
        return;
    }
    assert_int_equal(WTERMSIG(status), SIGKILL);
    if (world->life->point != WORKER_NOWHERE && !world->life->is_traced)
        world->counts->n_deaths[world->life->point]++;
    else
        world->counts->n_killed++;
}

// What it has noted as done. True: one more had begun.
static bool replay(struct world *world, struct op *cut)
{
    const struct life *life = world->life;
    for (unsigned i = 0; i < life->n_done; i++) {
        world->counts->n_ops[life->op[i].kind]++;
        assert_true(model_apply(&world->model, &life->op[i]));
    }
    *cut = life->op[life->n_done % WORKER_OPS];
    return life->n_begun > life->n_done;
}

// ---- After a death ----

// What the result of an operation that was cut must have been, if it has happened.
static int64_t guess_result(const struct world *world, struct op *cut)
{
    const struct slot *slot = &world->vault.slots[cut->slot];
    const struct model_slot *before = &world->model.slot[cut->slot];
    const struct flow_state *was = &before->flow[cut->dir].state;
    uint64_t n;
    switch (cut->kind) {
    case OP_FILL:
        for (uint32_t i = 0; i < world->vault.head->slots_reserved; i++)
            if (world->vault.slots[i].state == SLOT_LIVE && !world->model.slot[i].is_live)
                cut->slot = i;
        return cut->slot;
    case OP_RECEIVE:
        n = flow_now(&slot->flow[cut->dir])->received - was->received;
        if (n == 0)
            return flow_now(&slot->flow[cut->dir])->phase == FLOW_OPEN ? -1 : 0;
        return (int64_t)n;
    case OP_SEND:
        n = flow_now(&slot->flow[cut->dir])->sent - was->sent;
        return n ? (int64_t)n : -1;
    case OP_FACT:
        return slot->facts_bytes != before->n_facts;
    case OP_STATE:
        return cut->n <= VAULT_RESUME_BYTES;
    default:
        return 0;
    }
}

// It has happened, or it has not.
static void resolve(struct world *world, struct op *cut)
{
    struct model after = world->model;
    cut->result = guess_result(world, cut);
    bool can_be = model_apply(&after, cut);
    const char *unlike_after = model_compare_slots(&after, &world->vault);
    if (can_be && !unlike_after) {
        world->model = after;
        world->counts->n_after++;
        return;
    }
    // The end may have been passed on, though it is not said so.
    if (cut->kind == OP_SHUT)
        world->model.slot[cut->slot].flow[cut->dir].is_cut = true;
    const char *unlike_before = model_compare_slots(&world->model, &world->vault);
    if (unlike_before)
        fail_msg("operation %d was cut: %s is not as before, %s not as after it", (int)cut->kind,
                 unlike_before, unlike_after ? unlike_after : "its result");
    world->counts->n_before++;
}

// Orders and notes may be cut in the middle of their text, before they count. Whoever gave them
// gives them again; then they are as if given once.
static void give_again(struct world *world, struct op *cut)
{
    struct vault_head *head = world->vault.head;
    const struct vault_upgrade *upgrade = &world->model.upgrade;
    bool has_happened = false;
    if (cut->kind == OP_SIGNAL) {
        if (head->reload.asked == world->model.asked)
            return; // it was not given
        has_happened = true;
    } else if (cut->kind == OP_ANSWER) {
        has_happened = head->reload.done == cut->n;
    } else if (cut->kind == OP_BEGIN) {
        has_happened = head->upgrade.taken != upgrade->taken;
    }
    if (!has_happened) {
        union model_bytes bytes;
        model_write(cut, &bytes);
        cut->result = worker_note(head, cut, &bytes);
    }
    assert_true(model_apply(&world->model, cut));
}

static unsigned n_live(const struct model *model)
{
    unsigned n = 0;
    for (unsigned i = 0; i < MODEL_SLOTS; i++)
        n += model->slot[i].is_live;
    return n;
}

static void count_broken(void *arg, uint32_t slot, enum invariant invariant)
{
    (void)arg;
    print_message("slot %u breaks I%d\n", slot, invariant);
}

// As the guard and the next worker do, and compare.
static void recover(struct world *world, struct op *cut)
{
    struct hands hands;
    sweep_descriptors(&world->vault);
    assert_int_equal(verify_all(&world->vault, count_broken, NULL), 0);
    world->counts->n_settled += receipt_settle(&world->vault);
    const char *wrong = hands_take_up(&hands, &world->vault);
    if (!wrong && cut && cut->kind <= OP_GAME)
        resolve(world, cut);
    else if (!wrong && cut)
        give_again(world, cut);
    if (!wrong)
        wrong = model_compare_slots(&world->model, &world->vault);
    if (!wrong)
        wrong = model_compare_notes(&world->model, world->vault.head);
    if (wrong)
        fail_msg("%s is not as it must be", wrong);
    assert_int_equal(hands.slots.n_free, world->vault.head->n_slots - n_live(&world->model));
    assert_int_equal(hands.chunks.n_free,
                     world->vault.head->n_chunks - model_n_chunks(&world->model));
    assert_int_equal(hands.cells.n_free, world->vault.head->n_cells - model_n_cells(&world->model));
    hands_free(&hands);
}

// Hear all that is there. True: and the end.
static bool hear(struct world *world, int fd, uint64_t salt, uint8_t change, uint64_t *heard)
{
    uint8_t bytes[8192];
    for (;;) {
        ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (n <= 0) // a reset: what it has said was not read to its end
            return n == 0 || errno == ECONNRESET;
        for (ssize_t i = 0; i < n; i++)
            if (bytes[i] != (model_byte(salt, *heard + (uint64_t)i) ^ change))
                fail_msg("byte %llu of a stream is wrong",
                         (unsigned long long)(*heard + (uint64_t)i));
        *heard += (uint64_t)n;
        world->counts->n_heard += (uint64_t)n;
    }
}

static void hear_flow(struct world *world, struct model_slot *slot, enum flow_dir dir)
{
    struct model_flow *flow = &slot->flow[dir];
    int n_unread;
    int fd = destination_of(slot, dir);
    if (fd >= 0) {
        bool has_ended =
            hear(world, fd, model_flow_salt(slot, dir), model_change(slot), &flow->heard);
        assert_int_equal(flow->heard, flow->state.sent);
        assert_true(has_ended ? flow->is_cut : flow->state.phase != FLOW_SHUT);
    }
    fd = dir == TO_GAME ? slot->player.ours : slot->game.ours;
    if (fd >= 0) {
        assert_int_equal(ioctl(fd, FIONREAD, &n_unread), 0);
        assert_int_equal(n_unread, flow->said - flow->state.received);
    }
}

static void all_hear(struct world *world)
{
    for (unsigned i = 0; i < MODEL_SLOTS; i++)
        for (int dir = 0; dir < 2 && world->model.slot[i].is_live; dir++)
            hear_flow(world, &world->model.slot[i], (enum flow_dir)dir);
    for (unsigned i = 0; i < world->model.n_gone; i++) {
        struct model_gone *gone = &world->model.gone[i];
        assert_true(hear(world, gone->theirs, gone->salt, gone->change, &gone->heard));
        assert_int_equal(gone->heard, gone->sent);
        close(gone->theirs);
    }
    world->model.n_gone = 0;
}

// What was not used the sweep has closed.
static void drop_stock(struct world *world)
{
    for (unsigned i = 0; i < MODEL_STOCK; i++) {
        if (world->model.stock[i].theirs >= 0)
            close(world->model.stock[i].theirs);
        world->model.stock[i] = (struct model_pair){-1, -1};
    }
}

void world_turn(struct world *world, enum world_end end, enum point point)
{
    struct op cut;
    const unsigned n_killed = world->counts->n_killed;
    all_speak(world);
    fill_stock(world);
    keep_own(world);
    arm(world, end, point, world->script ? world->n_script : WORKER_OPS);
    run_worker(world);
    bool is_cut = replay(world, &cut);
    // Where deaths are planned elsewhere it may die only there: it does nothing else.
    if (world->counts->n_killed > n_killed && world->is_explored) {
        arm(world, WORLD_LIVES, POINT_FLOW_WRITTEN, 0);
        run_worker(world);
    }
    // The next one may die while it takes up what the last one has left.
    while (is_cut && !world->is_explored && dice_one_in(&world->dice, 2)) {
        bool is_in_commit = dice_one_in(&world->dice, 2);
        arm(world, is_in_commit ? WORLD_AT_POINT : WORLD_ANYWHERE,
            dice_one_in(&world->dice, 2) ? POINT_FLOW_WRITTEN : POINT_FLOW_FLIPPED, 0);
        run_worker(world);
    }
    recover(world, is_cut ? &cut : NULL);
    drop_stock(world);
    all_hear(world);
}
