// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// The vault by itself: verify finds every invariant that is broken on purpose,
// a flow takes the steps that are drawn, receipts move bytes and ends as they are told, facts and
// pools keep their bounds.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "vault/chunk.h"
#include "vault/facts.h"
#include "vault/flow.h"
#include "vault/likeness.h"
#include "vault/receipt.h"
#include "vault/slot.h"
#include "vault/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
    struct vault vault;
    struct slot_pool slots;
    struct chunk_pool chunks;
    struct cell_pool cells;
    struct slot *slot; // live, TLS
    int peer;          // the other end of slot->player_fd
};

static struct slot *add_slot(struct fixture *fixture, int *peer)
{
    int pair[2];
    struct slot *slot = slot_prepare(&fixture->slots);
    assert_non_null(slot);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
    slot->flags |= SLOT_FLAG_TLS;
    slot->tls_version = RECORD_TLS13;
    slot_claim(slot, pair[0]);
    *peer = pair[1];
    return slot;
}

static void free_slot(struct fixture *fixture, struct slot *slot)
{
    slot_free(&fixture->slots, &fixture->chunks, &fixture->cells, slot);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    assert_int_equal(vault_make(&fixture.vault, 4), 0);
    assert_int_equal(slot_pool_make(&fixture.slots, &fixture.vault), 0);
    assert_int_equal(chunk_pool_make(&fixture.chunks, &fixture.vault), 0);
    assert_int_equal(cell_pool_make(&fixture.cells, &fixture.vault), 0);
    fixture.slot = add_slot(&fixture, &fixture.peer);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    free_slot(fixture, fixture->slot);
    close(fixture->peer);
    slot_pool_free(&fixture->slots);
    chunk_pool_free(&fixture->chunks);
    cell_pool_free(&fixture->cells);
    int fd = fixture->vault.fd;
    vault_unmap(&fixture->vault);
    close(fd);
    return 0;
}

static struct flow_state *now(struct fixture *fixture, enum flow_dir dir)
{
    struct flow *flow = &fixture->slot->flow[dir];
    return &flow->copy[flow->current & 1];
}

static void verify_names_the_invariant_that_is_broken(void **state)
{
    struct fixture *fixture = *state;
    const struct slot good = *fixture->slot;
    const uint32_t chunk = chunk_take(&fixture->chunks);
    assert_int_equal(verify_slot(&fixture->vault, fixture->slot), I_NONE);
#define BROKEN(invariant, damage)                                                                  \
    do {                                                                                           \
        damage;                                                                                    \
        assert_int_equal(verify_slot(&fixture->vault, fixture->slot), invariant);                  \
        *fixture->slot = good;                                                                     \
    } while (0)
    BROKEN(I2, fixture->slot->flow[TO_GAME].current = 2);
    BROKEN(I4, now(fixture, TO_GAME)->settled = fixture->vault.head->receipt.id + 1);
    BROKEN(I5, now(fixture, TO_GAME)->in.end = 1);
    BROKEN(I6, now(fixture, TO_PLAYER)->out = ((struct buffer){.chunk = 15, .end = 1}));
    BROKEN(I7, now(fixture, TO_PLAYER)->key = SLOT_KEYS);
    BROKEN(I7, now(fixture, TO_PLAYER)->key = now(fixture, TO_GAME)->key);
    BROKEN(I8, now(fixture, TO_PLAYER)->phase = FLOW_N_PHASES);
    BROKEN(I8, now(fixture, TO_GAME)->phase = FLOW_CUT);
    BROKEN(I8, {
        now(fixture, TO_GAME)->phase = FLOW_SHUT;
        now(fixture, TO_GAME)->in = ((struct buffer){.chunk = chunk, .end = 1});
    });
    BROKEN(I10, fixture->slot->player_fd = -1);
    BROKEN(I10, fixture->slot->game_fd = fixture->slot->player_fd);
    BROKEN(I12, fixture->slot->cipher = RECORD_N_CIPHERS);
    BROKEN(I12, fixture->slot->write_limit = 511); // telnet may hold back as much as 2 bytes of it
    BROKEN(I12, fixture->slot->tls_version = 0x0302);
    BROKEN(I12, now(fixture, TO_GAME)->record.hs_bytes = 5);
    BROKEN(I17, now(fixture, TO_GAME)->input.unacked = 1);
    BROKEN(I18, now(fixture, TO_PLAYER)->telnet.command = TELNET_N_COMMANDS);
    BROKEN(I22, fixture->slot->game = VAULT_GAMES);
    BROKEN(I22, fixture->slot->listener = VAULT_LISTENERS);
    BROKEN(I26, fixture->slot->facts_bytes = SLOT_FACTS_BYTES + 1);
    BROKEN(I27, {
        fixture->slot->ended_by = SLOT_END_FULL;
        fixture->slot->game_fd = fixture->slot->player_fd + 1;
    });
    BROKEN(I27, {
        fixture->slot->ended_by = SLOT_END_ADDRESS;
        fixture->slot->resume = 1;
    });
    BROKEN(I11, {
        fixture->slot->flags &= ~SLOT_FLAG_TLS;
        now(fixture, TO_GAME)->received = 1;
    });
#undef BROKEN
    chunk_give(&fixture->chunks, chunk);
}

static void keep_first(void *arg, uint32_t slot, enum invariant invariant)
{
    enum invariant *found = arg;
    (void)slot;
    if (*found == I_NONE)
        *found = invariant;
}

static void what_two_slots_claim_is_broken_in_both(void **state)
{
    struct fixture *fixture = *state;
    int peer;
    enum invariant invariant = I_NONE;
    struct slot *other = add_slot(fixture, &peer);
    int own_fd = other->player_fd;
    other->player_fd = fixture->slot->player_fd;
    assert_int_equal(verify_all(&fixture->vault, keep_first, &invariant), 2);
    assert_int_equal(invariant, I10);
    other->player_fd = own_fd;

    uint32_t chunk = chunk_take(&fixture->chunks);
    now(fixture, TO_GAME)->in = (struct buffer){.chunk = chunk, .end = 1};
    other->flow[TO_PLAYER].copy[0].out = (struct buffer){.chunk = chunk, .end = 1};
    invariant = I_NONE;
    assert_int_equal(verify_all(&fixture->vault, keep_first, &invariant), 2);
    assert_int_equal(invariant, I6);
    now(fixture, TO_GAME)->in = BUFFER_EMPTY;
    free_slot(fixture, other);
    close(peer);
}

static void a_head_with_other_sizes_is_broken(void **state)
{
    struct fixture *fixture = *state;
    struct vault_head *head = fixture->vault.head;
    assert_int_equal(verify_head(&fixture->vault), I_NONE);
    head->n_slots ^= 1u << 31; // four times as many are as many again
    assert_int_equal(verify_head(&fixture->vault), I1);
    head->n_slots ^= 1u << 31;
    head->n_seats++;
    assert_int_equal(verify_head(&fixture->vault), I1);
    head->n_seats--;
    head->n_cells++;
    assert_int_equal(verify_head(&fixture->vault), I1);
    head->n_cells--;
    head->total_bytes--;
    assert_int_equal(verify_head(&fixture->vault), I1);
    head->total_bytes++;
}

static void a_resume_state_whose_cells_do_not_fit_it_is_broken(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t bytes[CELL_BYTES + 1] = {1};
    enum invariant invariant = I_NONE;
    assert_true(resume_put(&fixture->cells, fixture->slot, bytes, sizeof bytes));
    assert_int_equal(verify_all(&fixture->vault, keep_first, &invariant), 0);
    const uint64_t good = fixture->slot->resume;
    const uint64_t wrong[] = {good + VAULT_RESUME_BYTES, good - 1, good | UINT64_C(1) << 63};
    for (int i = 0; i < 3; i++) {
        fixture->slot->resume = wrong[i];
        invariant = I_NONE;
        assert_int_equal(verify_all(&fixture->vault, keep_first, &invariant), 1);
        assert_int_equal(invariant, I16);
    }
    fixture->slot->resume = good;
}

static void a_quarantined_slot_claims_nothing(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t bytes[CELL_BYTES + 1] = {1};
    struct chunk_pool chunks;
    struct cell_pool cells;
    now(fixture, TO_GAME)->in = (struct buffer){.chunk = chunk_take(&fixture->chunks), .end = 1};
    assert_true(resume_put(&fixture->cells, fixture->slot, bytes, sizeof bytes));
    fixture->slot->state = SLOT_QUARANTINED;
    assert_int_equal(chunk_pool_make(&chunks, &fixture->vault), 0);
    assert_int_equal(cell_pool_make(&cells, &fixture->vault), 0);
    assert_int_equal(chunks.n_free, fixture->vault.head->n_chunks);
    assert_int_equal(cells.n_free, fixture->vault.head->n_cells);
    chunk_pool_free(&chunks);
    cell_pool_free(&cells);
    fixture->slot->state = SLOT_LIVE;
}

static void a_freed_slot_gives_back_what_it_owned(void **state)
{
    struct fixture *fixture = *state;
    const uint8_t bytes[CELL_BYTES + 1] = {1};
    uint32_t n_chunks = fixture->chunks.n_free;
    uint32_t n_cells = fixture->cells.n_free;
    now(fixture, TO_GAME)->in = (struct buffer){.chunk = chunk_take(&fixture->chunks), .end = 1};
    assert_true(resume_put(&fixture->cells, fixture->slot, bytes, sizeof bytes));
    free_slot(fixture, fixture->slot);
    assert_int_equal(fixture->chunks.n_free, n_chunks);
    assert_int_equal(fixture->cells.n_free, n_cells);
    close(fixture->peer);
    fixture->slot = add_slot(fixture, &fixture->peer);
}

static void a_receipt_brings_bytes_and_then_the_end(void **state)
{
    struct fixture *fixture = *state;
    uint32_t chunk = chunk_take(&fixture->chunks);
    assert_int_equal(write(fixture->peer, "hello", 5), 5);
    assert_int_equal(
        receipt_recv(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd, chunk, 0, 100), 5);
    assert_int_equal(now(fixture, TO_GAME)->received, 5);
    assert_int_equal(now(fixture, TO_GAME)->in.chunk, chunk);
    assert_memory_equal(vault_chunk(&fixture->vault, chunk), "hello", 5);
    // Nothing there: nothing changes, and there is nothing to settle.
    assert_int_equal(
        receipt_recv(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd, chunk, 5, 100), -1);
    assert_int_equal(errno, EAGAIN);
    assert_false(receipt_settle(&fixture->vault));
    shutdown(fixture->peer, SHUT_WR);
    assert_int_equal(
        receipt_recv(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd, chunk, 5, 100), 0);
    assert_int_equal(now(fixture, TO_GAME)->phase, FLOW_ENDING);
    assert_int_equal(buffer_bytes(&now(fixture, TO_GAME)->in), 5);
    assert_false(receipt_settle(&fixture->vault));
    now(fixture, TO_GAME)->in = BUFFER_EMPTY;
}

// Which phases a phase may go on to, or stay in; I8.
static const char *const steps[2][FLOW_N_PHASES] = {
    [TO_GAME] =
        {[FLOW_OPEN] = "open ending shut", [FLOW_ENDING] = "ending shut", [FLOW_SHUT] = "shut"},
    [TO_PLAYER] = {[FLOW_OPEN] = "open cut ending shut",
                   [FLOW_CUT] = "open cut ending shut",
                   [FLOW_ENDING] = "ending shut",
                   [FLOW_SHUT] = "shut"},
};

// Does the process survive this step?
static bool can_step(enum flow_dir dir, enum flow_phase from, enum flow_phase to)
{
    int status;
    const pid_t pid = fork();
    if (pid == 0) {
        struct flow_state state = {.phase = (uint8_t)from};
        signal(SIGABRT, SIG_DFL); // not cmocka's
        close(STDERR_FILENO);
        flow_set_phase(&state, dir, to);
        _exit(state.phase != to);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(status == 0 || WTERMSIG(status) == SIGABRT);
    return status == 0;
}

static void a_phase_takes_no_step_that_is_not_drawn(void **state)
{
    (void)state;
    for (enum flow_dir dir = TO_GAME; dir <= TO_PLAYER; dir++)
        for (enum flow_phase from = FLOW_OPEN; from < FLOW_N_PHASES; from++)
            for (enum flow_phase to = FLOW_OPEN; to < FLOW_N_PHASES && steps[dir][from]; to++)
                assert_int_equal(can_step(dir, from, to),
                                 strstr(steps[dir][from], flow_phase_name(to)) != NULL);
}

static void a_step_is_logged_when_it_is_committed(void **state)
{
    struct fixture *fixture = *state;
    char path[] = "/tmp/stayd-vault-test-XXXXXX";
    char text[1000] = "";
    const int fd = mkstemp(path);
    const int log_fd = log_open(path, LOG_LEVEL_DEBUG);
    struct flow_state next = *now(fixture, TO_PLAYER);
    flow_set_phase(&next, TO_PLAYER, FLOW_CUT);
    assert_int_equal(read(fd, text, sizeof text - 1), 0);
    flow_commit(fixture->slot, TO_PLAYER, &next);
    flow_commit(fixture->slot, TO_PLAYER, &next);
    assert_true(read(fd, text, sizeof text - 1) > 0);
    const char *step = strstr(text, "dir=to-player step=open>cut\n");
    assert_non_null(step);
    assert_null(strstr(step + strlen("dir=to-player step="), "step="));
    log_open("stderr", LOG_LEVEL_INFO);
    close(log_fd);
    close(fd);
    unlink(path);
}

static void a_receipt_of_an_earlier_owner_does_not_touch_the_next(void **state)
{
    struct fixture *fixture = *state;
    uint32_t chunk = chunk_take(&fixture->chunks);
    assert_int_equal(write(fixture->peer, "x", 1), 1);
    assert_int_equal(
        receipt_recv(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd, chunk, 0, 9), 1);
    free_slot(fixture, fixture->slot);
    close(fixture->peer);
    fixture->slot = add_slot(fixture, &fixture->peer);
    assert_int_equal(vault_slot_index(&fixture->vault, fixture->slot), 0);
    assert_false(receipt_settle(&fixture->vault));
    assert_int_equal(now(fixture, TO_GAME)->received, 0);
}

// As a worker leaves it that dies behind its call: the state before the commit is still there (I2).
static void a_receipt_is_settled_if_it_can_be_true(void **state)
{
    struct fixture *fixture = *state;
    struct receipt *receipt = &fixture->vault.head->receipt;
    uint32_t chunk = chunk_take(&fixture->chunks);
    assert_int_equal(write(fixture->peer, "hello", 5), 5);
    assert_int_equal(
        receipt_recv(&fixture->vault, 0, TO_GAME, fixture->slot->player_fd, chunk, 0, 100), 5);
    fixture->slot->flow[TO_GAME].current ^= 1;
    const struct receipt good = *receipt;
    receipt->side = RECEIPT_SEND; // of a buffer that is empty
    assert_false(receipt_settle(&fixture->vault));
    receipt->side = RECEIPT_RECV;
    receipt->chunk = fixture->vault.head->chunks_reserved;
    assert_false(receipt_settle(&fixture->vault));
    receipt->chunk = chunk;
    receipt->offset = CHUNK_BYTES - 1;
    assert_false(receipt_settle(&fixture->vault));
    *receipt = good;
    assert_true(receipt_settle(&fixture->vault));
    assert_int_equal(now(fixture, TO_GAME)->received, 5);
    assert_false(receipt_settle(&fixture->vault));
}

static void facts_are_found_until_the_room_is_used_up(void **state)
{
    struct fixture *fixture = *state;
    uint8_t long_fact[SLOT_FACTS_BYTES] = {1};
    size_t n = 0;
    assert_null(facts_find(fixture->slot, FACT_HOST, &n));
    assert_true(facts_add(fixture->slot, FACT_SNI, "play.example", 12));
    assert_true(facts_add(fixture->slot, FACT_HOST, "", 0));
    assert_false(facts_add(fixture->slot, FACT_ALPN, long_fact, SLOT_FACTS_BYTES - 16 - 1));
    assert_true(facts_add(fixture->slot, FACT_ALPN, long_fact, SLOT_FACTS_BYTES - 16 - 2));
    assert_memory_equal(facts_find(fixture->slot, FACT_SNI, &n), "play.example", 12);
    assert_int_equal(n, 12);
    assert_non_null(facts_find(fixture->slot, FACT_HOST, &n));
    assert_int_equal(n, 0);
    assert_null(facts_find(fixture->slot, FACT_CERT_NAME, &n));
}

static void a_vault_of_another_layout_is_refused_unchanged(void **state)
{
    struct fixture *fixture = *state;
    struct vault other;
    assert_int_equal(vault_map(&other, fixture->vault.fd), 0);
    assert_int_equal(other.head->n_seats, 4);
    vault_unmap(&other);
    fixture->vault.head->layout++;
    assert_int_equal(vault_map(&other, fixture->vault.fd), -1);
    assert_int_equal(errno, EPROTO);
    fixture->vault.head->layout--;
    int empty = memfd_create("empty", MFD_CLOEXEC);
    assert_int_equal(vault_map(&other, empty), -1);
    assert_int_equal(errno, EPROTO);
    close(empty);
}

static void a_vault_cannot_be_made_shorter_or_longer(void **state)
{
    const struct fixture *fixture = *state;
    int fd = fixture->vault.fd;
    off_t n = (off_t)fixture->vault.head->total_bytes;
    assert_int_equal(ftruncate(fd, n - 1), -1);
    assert_int_equal(ftruncate(fd, n + 1), -1);
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), -1); // or players would stand still
    assert_int_equal(errno, EPERM);
}

static void what_is_shorter_than_its_head_says_is_refused(void **state)
{
    const struct fixture *fixture = *state;
    struct vault other;
    int fd = memfd_create("short", MFD_CLOEXEC);
    assert_int_equal(pwrite(fd, fixture->vault.head, sizeof *fixture->vault.head, 0),
                     sizeof *fixture->vault.head);
    assert_int_equal(vault_map(&other, fd), -1);
    assert_int_equal(errno, EPROTO);
    close(fd);
}

static void a_likeness_has_no_secret_and_cannot_be_changed(void **state)
{
    struct fixture *fixture = *state;
    struct vault_head *head = fixture->vault.head;
    struct vault seen;
    uint8_t *secret = (uint8_t *)fixture->slot->keys;
    memset(secret, 'k', sizeof fixture->slot->keys);
    memset(head->view.ticket_keys, 't', sizeof head->view.ticket_keys);
    int fd = vault_likeness(&fixture->vault);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, 0), -1);
    assert_int_equal(pwrite(fd, "", 1, 0), -1);
    assert_ptr_equal(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
    assert_int_equal(vault_map_to_look(&seen, fd), 0);
    assert_int_equal(seen.head->n_seats, 4);
    assert_int_equal(seen.head->slots_reserved, head->slots_reserved);
    const struct slot *slot = &seen.slots[vault_slot_index(&fixture->vault, fixture->slot)];
    assert_int_equal(slot->state, SLOT_LIVE);
    assert_memory_equal(slot->id, fixture->slot->id, sizeof slot->id);
    static const uint8_t nothing[sizeof slot->keys + sizeof head->view.ticket_keys];
    assert_memory_equal(slot->keys, nothing, sizeof slot->keys);
    assert_memory_equal(seen.head->view.ticket_keys, nothing, sizeof head->view.ticket_keys);
    assert_int_equal(secret[0], 'k');
    vault_unmap(&seen);
    close(fd);
}

static void slots_run_out_and_come_back(void **state)
{
    struct fixture *fixture = *state;
    struct slot *taken[3 + VAULT_FAREWELLS];
    int peers[3 + VAULT_FAREWELLS];
    for (unsigned i = 0; i < 3 + VAULT_FAREWELLS; i++)
        taken[i] = add_slot(fixture, &peers[i]);
    assert_null(slot_prepare(&fixture->slots));
    assert_int_equal(errno, ENOBUFS);
    assert_memory_not_equal(taken[0]->id, taken[1]->id, 16);
    for (unsigned i = 0; i < 3 + VAULT_FAREWELLS; i++) {
        free_slot(fixture, taken[i]);
        close(peers[i]);
    }
    assert_non_null(taken[0] = slot_prepare(&fixture->slots));
    slot_return(&fixture->slots, taken[0]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(verify_names_the_invariant_that_is_broken),
        TEST(what_two_slots_claim_is_broken_in_both),
        TEST(a_head_with_other_sizes_is_broken),
        TEST(a_resume_state_whose_cells_do_not_fit_it_is_broken),
        TEST(a_quarantined_slot_claims_nothing),
        TEST(a_freed_slot_gives_back_what_it_owned),
        TEST(a_receipt_brings_bytes_and_then_the_end),
        TEST(a_phase_takes_no_step_that_is_not_drawn),
        TEST(a_step_is_logged_when_it_is_committed),
        TEST(a_receipt_of_an_earlier_owner_does_not_touch_the_next),
        TEST(a_receipt_is_settled_if_it_can_be_true),
        TEST(facts_are_found_until_the_room_is_used_up),
        TEST(a_vault_of_another_layout_is_refused_unchanged),
        TEST(a_vault_cannot_be_made_shorter_or_longer),
        TEST(what_is_shorter_than_its_head_says_is_refused),
        TEST(a_likeness_has_no_secret_and_cannot_be_changed),
        TEST(slots_run_out_and_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
