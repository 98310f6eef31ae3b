// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// One word of a used vault is overwritten: a slot's, a cell's or the head's. Then verify refuses it
// by an invariant that the word is bound to, or the damage is harmless: whoever takes up the vault
// and serves who is left neither crashes nor hangs.
//
// Each damage is done to a copy, in a process of its own.
//
// Errors: a failed assertion fails the test; the seed is printed.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "prop.h"
#include "vault_world.h"

#include "base/log.h"
#include "relay/relay.h"
#include "vault/facts.h"
#include "vault/receipt.h"
#include "vault/verify.h"
#include "vault/workers.h"

#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORLDS 8
#define TURNS 12
#define DAMAGES 150 // of each world
#define PATIENCE_S 20

#define BREAKS(invariant) (1u << (invariant))
#define BREAKS_ANY UINT32_MAX

// What a field's damage may break.
struct field {
    size_t offset;
    size_t n_bytes;
    uint32_t invariants;
};

// Versions of clang-format differ here.
// clang-format off
#define FIELD(type, field, invariants) \
    {offsetof(struct type, field), sizeof(((struct type *)0)->field), invariants}
// clang-format on

static const struct field state_fields[] = {
    FIELD(flow_state, received, BREAKS(I11)),
    FIELD(flow_state, sent, BREAKS(I11)),
    FIELD(flow_state, settled, BREAKS(I4) | BREAKS(I6)), // an old receipt may be settled again
    FIELD(flow_state, record, BREAKS(I12)),
    FIELD(flow_state, in, BREAKS(I5) | BREAKS(I6) | BREAKS(I11)),
    FIELD(flow_state, out, BREAKS(I5) | BREAKS(I6) | BREAKS(I11) | BREAKS(I17)),
    FIELD(flow_state, telnet, BREAKS(I18)),
    FIELD(flow_state, phase, BREAKS(I8) | BREAKS(I11)),
    FIELD(flow_state, key, BREAKS(I7)),
    FIELD(flow_state, http, BREAKS(I18)),
    FIELD(flow_state, input.unacked, BREAKS(I11) | BREAKS(I17)),
    FIELD(flow_state, input.front, BREAKS(I17)),
};

static const struct field slot_fields[] = {
    FIELD(slot, state, BREAKS_ANY), // who was there before is live again
    FIELD(slot, player_fd, BREAKS(I10)),
    FIELD(slot, game_fd, BREAKS(I10)),
    FIELD(slot, flags, BREAKS(I11) | BREAKS(I12)),
    FIELD(slot, listener, BREAKS(I22)),
    FIELD(slot, game, BREAKS(I22)),
    FIELD(slot, tls_version, BREAKS(I12)),
    FIELD(slot, write_limit, BREAKS(I12)),
    FIELD(slot, cipher, BREAKS(I12)),
    FIELD(slot, facts_bytes, BREAKS(I26)),
    FIELD(slot, ended_by, BREAKS(I27)), // it is a farewell now
    FIELD(slot, resume, BREAKS(I16)),
    FIELD(slot, flow[TO_GAME].current, BREAKS_ANY), // an earlier state
    FIELD(slot, flow[TO_PLAYER].current, BREAKS_ANY),
};

static const struct field head_fields[] = {
    FIELD(vault_head, magic, BREAKS(I1)),
    FIELD(vault_head, layout, BREAKS(I1)),
    FIELD(vault_head, head_bytes, BREAKS(I1)),
    FIELD(vault_head, slot_bytes, BREAKS(I1)),
    FIELD(vault_head, chunk_bytes, BREAKS(I1)),
    FIELD(vault_head, cell_bytes, BREAKS(I1)),
    FIELD(vault_head, n_slots, BREAKS(I1)),
    FIELD(vault_head, n_seats, BREAKS(I1)),
    FIELD(vault_head, n_chunks, BREAKS(I1)),
    FIELD(vault_head, n_cells, BREAKS(I1)),
    FIELD(vault_head, total_bytes, BREAKS(I1)),
    FIELD(vault_head, slots_reserved, BREAKS(I6)),
    FIELD(vault_head, chunks_reserved, BREAKS(I6)),
    FIELD(vault_head, cells_reserved, BREAKS(I16)),
    FIELD(vault_head, receipt, BREAKS(I3) | BREAKS(I4) | BREAKS(I6)),
    FIELD(vault_head, reload.asked, 0),
    FIELD(vault_head, reload.done, 0),
    FIELD(vault_head, upgrade.phase, 0),
    FIELD(vault_head, upgrade.asked, 0),
    FIELD(vault_head, worker_phase, 0),
};

static const struct field cell_fields[] = {FIELD(cell, next, BREAKS(I16))};

struct damage {
    const char *what;
    uint32_t index;
    size_t offset;
    uint32_t was;
    uint32_t is;
    uint32_t may_break;
};

// What a child has done and found, in shared memory.
struct finding {
    struct damage damage;
    uint32_t broken; // invariants
    bool was_settled;
};

static uint32_t look_up(const struct field *fields, size_t n, size_t offset)
{
    uint32_t invariants = 0;
    for (size_t i = 0; i < n; i++)
        if (offset < fields[i].offset + fields[i].n_bytes &&
            fields[i].offset < offset + sizeof(uint32_t))
            invariants |= fields[i].invariants;
    return invariants;
}

#define N_OF(array) (sizeof(array) / sizeof *(array))
#define LOOK_UP(fields, offset) look_up(fields, N_OF(fields), offset)

// The flow states are looked up in their own table; the one that is not in force binds nothing.
static uint32_t look_up_slot(const struct slot *slot, size_t offset)
{
    uint32_t invariants = LOOK_UP(slot_fields, offset);
    for (int dir = 0; dir < 2; dir++) {
        size_t at = (size_t)((const uint8_t *)flow_now(&slot->flow[dir]) - (const uint8_t *)slot);
        if (offset >= at && offset < at + sizeof(struct flow_state))
            invariants |= LOOK_UP(state_fields, offset - at);
    }
    return invariants;
}

static uint32_t dice_word(struct dice *dice, uint32_t was)
{
    switch (dice_below(dice, 5)) {
    case 0:
        return was ^ 1u << dice_below(dice, 32);
    case 1:
        return was + (dice_one_in(dice, 2) ? 1 : UINT32_MAX);
    case 2:
        return (uint32_t)dice_below(dice, 40);
    case 3:
        return UINT32_MAX - (uint32_t)dice_below(dice, 3);
    default:
        return (uint32_t)dice_next(dice);
    }
}

// A word of a slot: one that something is bound to, as often as any.
static size_t dice_slot_offset(struct dice *dice, const struct slot *slot)
{
    const struct flow_state *state = flow_now(&slot->flow[dice_below(dice, 2)]);
    size_t at = (size_t)((const uint8_t *)state - (const uint8_t *)slot);
    switch (dice_below(dice, 4)) {
    case 0:
        return slot_fields[dice_below(dice, N_OF(slot_fields))].offset / 4 * 4;
    case 1:
        return at + state_fields[dice_below(dice, N_OF(state_fields))].offset / 4 * 4;
    default:
        return dice_below(dice, sizeof *slot / 4) * 4;
    }
}

static size_t dice_head_offset(struct dice *dice)
{
    switch (dice_below(dice, 4)) {
    case 0:
        return dice_below(dice, sizeof(struct vault_head) / 4) * 4;
    case 1:
        return offsetof(struct vault_head, receipt) +
               dice_below(dice, sizeof(struct receipt) / 4) * 4;
    default:
        return head_fields[dice_below(dice, N_OF(head_fields))].offset / 4 * 4;
    }
}

static struct damage do_damage(struct vault *vault, struct dice *dice)
{
    struct damage damage = {0};
    uint8_t *base;
    uint64_t where = dice_below(dice, 8);
    if (where < 5) {
        damage.what = "slot";
        damage.index = (uint32_t)dice_below(dice, vault->head->slots_reserved);
        struct slot *slot = &vault->slots[damage.index];
        base = (uint8_t *)slot;
        damage.offset = dice_slot_offset(dice, slot);
        damage.may_break = look_up_slot(slot, damage.offset);
    } else if (where < 6 && vault->head->cells_reserved > 0) {
        damage.what = "cell";
        damage.index = (uint32_t)dice_below(dice, vault->head->cells_reserved);
        base = (uint8_t *)&vault->cells[damage.index];
        damage.offset = dice_one_in(dice, 8) ? dice_below(dice, sizeof(struct cell) / 4) * 4 : 0;
        damage.may_break = LOOK_UP(cell_fields, damage.offset);
    } else {
        damage.what = "head";
        base = (uint8_t *)vault->head;
        damage.offset = dice_head_offset(dice);
        damage.may_break = LOOK_UP(head_fields, damage.offset);
    }
    uint32_t *word = (uint32_t *)(base + damage.offset);
    damage.was = *word;
    damage.is = *word = dice_word(dice, *word);
    return damage;
}

// ---- In the child ----

static struct vault copy;

static void make_copy(const struct vault *vault)
{
    uint64_t n_bytes = vault->head->total_bytes;
    if (vault_make(&copy, MODEL_SLOTS) < 0)
        _exit(WORKER_FAILED);
    memcpy(copy.head, vault->head, n_bytes);
}

// Sockets of its own under the same numbers, with something to read.
static void renew_socket(int fd)
{
    int pair[2];
    if (fd < 0)
        return;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) < 0 || dup2(pair[0], fd) < 0 ||
        send(pair[1], "look\r\n\x17\x03\x03\0\x05hello", 16, 0) < 0)
        _exit(WORKER_FAILED);
    close(pair[0]);
}

// Leave a receipt open, as a worker that dies behind its call does: the state before the commit is
// still there (I2).
static void leave_receipt(void)
{
    struct chunk_pool chunks;
    if (chunk_pool_make(&chunks, &copy) < 0)
        _exit(WORKER_FAILED);
    for (uint32_t i = 0; i < copy.head->slots_reserved; i++) {
        struct slot *slot = &copy.slots[i];
        struct flow_state now = *flow_now(&slot->flow[TO_GAME]);
        const struct buffer *buffer = slot_receive_buffer(slot, &now);
        if (slot->state != SLOT_LIVE || now.phase != FLOW_OPEN || buffer_room(buffer) == 0)
            continue;
        uint32_t chunk = buffer->chunk == CHUNK_NONE ? chunk_take(&chunks) : buffer->chunk;
        if (receipt_recv(&copy, i, TO_GAME, slot->player_fd, chunk, buffer->end,
                         buffer_room(buffer)) > 0)
            slot->flow[TO_GAME].current ^= 1;
        break;
    }
    chunk_pool_free(&chunks);
}

static void quarantine(void *arg, uint32_t slot, enum invariant invariant)
{
    struct finding *finding = arg;
    finding->broken |= BREAKS(invariant);
    copy.slots[slot].state = SLOT_QUARANTINED;
}

static void serve(struct hands *hands, struct slot *slot)
{
    uint8_t state[VAULT_RESUME_BYTES];
    size_t n;
    struct relay_conn conn = RELAY_CONN_NEW;
    struct relay relay = {.vault = &copy,
                          .chunks = &hands->chunks,
                          .slot = slot,
                          .conn = &conn,
                          .work = RELAY_WORK_ALL};
    resume_get(&copy, slot, state);
    facts_find(slot, FACT_CERT_VERIFY, &n);
    (void)game_now(copy.head, slot->game);
    for (int i = 0; i < 4; i++) {
        conn.ready = RELAY_READY_ALL;
        if (relay_run(&relay) & RELAY_DONE)
            break;
    }
    resume_put(&hands->cells, slot, state, sizeof state);
    slot_free(&hands->slots, &hands->chunks, &hands->cells, slot);
}

static void use_notes(void)
{
    char path[VAULT_PATH_BYTES];
    asked_for(copy.head, 1234);
    if (asked_pending(copy.head))
        asked_answer(copy.head, asked_pending(copy.head), ASKED_GOOD, "good\n");
    upgrading_ask(copy.head, 1234, "/new");
    upgrading_begin(copy.head, "0", path);
    upgrading_set(copy.head, UPGRADE_REFUSED, "no");
    upgrading_word((enum upgrade_phase)copy.head->upgrade.phase);
    workers_phase_name(workers_phase(copy.head));
    workers_set_phase(copy.head, WORKER_DEAD);
    workers_set_phase(copy.head, WORKER_STARTING);
}

// Take up as much as there is of everything, and give it back.
static void use_pools(struct hands *hands)
{
    struct slot *slot;
    uint32_t chunk;
    while ((chunk = chunk_take(&hands->chunks)) != CHUNK_NONE)
        memset(vault_chunk(&copy, chunk), 1, CHUNK_BYTES);
    while ((slot = slot_prepare(&hands->slots)))
        slot_claim(slot, 100);
    chunk_pool_trim(&hands->chunks);
}

// As worker.c does at start.
static void take_up_and_serve(struct finding *finding)
{
    struct hands hands = {.vault = &copy};
    enum invariant broken = verify_head(&copy);
    if (broken) {
        finding->broken |= BREAKS(broken);
        return;
    }
    finding->was_settled = receipt_settle(&copy);
    verify_all(&copy, quarantine, finding);
    if (slot_pool_make(&hands.slots, &copy) < 0 || cell_pool_make(&hands.cells, &copy) < 0 ||
        chunk_pool_make(&hands.chunks, &copy) < 0)
        _exit(WORKER_FAILED);
    for (uint32_t i = 0; i < copy.head->slots_reserved; i++)
        if (copy.slots[i].state == SLOT_LIVE)
            serve(&hands, &copy.slots[i]);
    use_notes();
    use_pools(&hands);
    hands_free(&hands);
}

static _Noreturn void bear(const struct world *world, struct finding *finding, struct dice *dice)
{
    signal(SIGSEGV, SIG_DFL); // not cmocka's
    alarm(PATIENCE_S);
    log_set_level(LOG_LEVEL_ERROR);
    make_copy(&world->vault);
    for (unsigned i = 0; i < MODEL_SLOTS; i++) {
        if (!world->model.slot[i].is_live)
            continue;
        renew_socket(world->model.slot[i].player.ours);
        renew_socket(world->model.slot[i].game.ours);
    }
    if (dice_one_in(dice, 2))
        leave_receipt();
    finding->damage = do_damage(&copy, dice);
    take_up_and_serve(finding);
    _exit(0);
}

// ---- The test ----

static unsigned n_broken[I_END];
static unsigned n_harmless;
static unsigned n_settled;

static void damage_once(struct world *world, struct finding *finding)
{
    int status;
    struct dice dice = {dice_next(&world->dice)};
    *finding = (struct finding){0};
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        bear(world, finding, &dice);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    const struct damage *damage = &finding->damage;
    if (status != 0 || finding->broken & ~damage->may_break)
        fail_msg("%s %u, offset %zu: %#x becomes %#x: status %#x, breaks %#x", damage->what,
                 damage->index, damage->offset, damage->was, damage->is, (unsigned)status,
                 finding->broken);
    n_harmless += finding->broken == 0;
    n_settled += finding->was_settled;
    for (unsigned i = 0; i < I_END; i++)
        n_broken[i] += finding->broken >> i & 1;
}

static void a_damaged_word_is_refused_or_harmless(void **state)
{
    struct dice *dice = *state;
    struct world_counts counts = {0};
    struct finding *finding =
        mmap(NULL, sizeof *finding, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(finding, MAP_FAILED);
    for (int i = 0; i < WORLDS; i++) {
        struct world world;
        world_make(&world, dice_next(dice), &counts);
        for (int turn = 0; turn < TURNS; turn++)
            world_turn(&world, WORLD_LIVES, 0);
        for (int damage = 0; damage < DAMAGES; damage++)
            damage_once(&world, finding);
        world_free(&world);
    }
    munmap(finding, sizeof *finding);
    unsigned n_kinds = 0;
    print_message("%u damages were harmless, %u receipts settled; refused:", n_harmless, n_settled);
    for (unsigned i = 0; i < I_END; i++) {
        n_kinds += n_broken[i] > 0;
        if (n_broken[i])
            print_message(" I%u %u", i, n_broken[i]);
    }
    print_message("\n");
    // 15 are looked at, the rarest some five times.
    assert_true(n_harmless > 0 && n_settled > 0 && n_kinds >= 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_word_is_refused_or_harmless),
    };
    return cmocka_run_group_tests(tests, prop_set_up, prop_tear_down);
}
