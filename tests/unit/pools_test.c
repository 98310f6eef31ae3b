// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the pools of chunks and cells reserve, give back, trim and wipe, to the last chunk, cell and
// byte.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "vault/chunk.h"
#include "vault/flow.h"
#include "vault/resume.h"
#include "vault/slot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MOST_CHUNKS ((4 + VAULT_FAREWELLS) * CHUNKS_PER_SLOT)
#define CELLS_A_PAGE (4096 / (uint32_t)sizeof(struct cell))

struct fixture {
    struct vault vault;
    struct slot_pool slots;
    struct chunk_pool chunks;
    struct cell_pool cells;
};

static int n_callocs_left = -1; // that succeed before one fails; -1: all
static bool is_failing_all;     // ... and the others behind it

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

void *__wrap_calloc(size_t n, size_t size)
{
    if (n_callocs_left == 0 && is_failing_all)
        return NULL;
    if (n_callocs_left >= 0 && n_callocs_left-- == 0)
        return NULL;
    return __real_calloc(n, size);
}

static int set_up(void **state)
{
    static struct fixture fixture;
    assert_int_equal(vault_make(&fixture.vault, 4), 0);
    assert_int_equal(slot_pool_make(&fixture.slots, &fixture.vault), 0);
    assert_int_equal(chunk_pool_make(&fixture.chunks, &fixture.vault), 0);
    assert_int_equal(cell_pool_make(&fixture.cells, &fixture.vault), 0);
    *state = &fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    slot_pool_free(&fixture->slots);
    chunk_pool_free(&fixture->chunks);
    cell_pool_free(&fixture->cells);
    int fd = fixture->vault.fd;
    vault_unmap(&fixture->vault);
    close(fd);
    return 0;
}

static struct slot *add_slot(struct fixture *fixture)
{
    struct slot *slot = slot_prepare(&fixture->slots);
    assert_non_null(slot);
    slot_claim(slot, 99);
    return slot;
}

static blkcnt_t n_blocks(const struct fixture *fixture)
{
    struct stat status;
    assert_int_equal(fstat(fixture->vault.fd, &status), 0);
    return status.st_blocks;
}

static void take_chunks(struct fixture *fixture, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(chunk_take(&fixture->chunks), i);
        memset(vault_chunk(&fixture->vault, i), 'x', CHUNK_BYTES);
    }
}

static void give_chunks(struct fixture *fixture, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++)
        chunk_give(&fixture->chunks, i);
}

static bool is_blank(const void *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (((const uint8_t *)bytes)[i] != 0)
            return false;
    return true;
}

static bool is_wiped(const struct fixture *fixture, uint32_t chunk)
{
    return is_blank(vault_chunk(&fixture->vault, chunk), CHUNK_BYTES);
}

static bool is_whole(const struct fixture *fixture, uint32_t chunk)
{
    const uint8_t *bytes = vault_chunk(&fixture->vault, chunk);
    return bytes[0] == 'x' && memcmp(bytes, bytes + 1, CHUNK_BYTES - 1) == 0;
}

static void every_chunk_can_be_taken_once(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < MOST_CHUNKS; i++) {
        assert_int_equal(chunk_take(&fixture->chunks), i);
        assert_int_equal(fixture->vault.head->chunks_reserved, i / 4 * 4 + 4);
    }
    assert_int_equal(chunk_take(&fixture->chunks), CHUNK_NONE);
    chunk_give(&fixture->chunks, 7);
    chunk_give(&fixture->chunks, CHUNK_NONE);
    assert_int_equal(chunk_take(&fixture->chunks), 7);
    assert_int_equal(chunk_take(&fixture->chunks), CHUNK_NONE);
}

static void trimming_leaves_four_behind_the_last_that_is_used(void **state)
{
    struct fixture *fixture = *state;
    const struct vault_head *head = fixture->vault.head;
    take_chunks(fixture, 20);
    give_chunks(fixture, 0, 5);
    give_chunks(fixture, 6, 20);
    chunk_pool_trim(&fixture->chunks);
    assert_int_equal(head->chunks_reserved, 6 + 4);
    assert_true(is_whole(fixture, 5));
    chunk_give(&fixture->chunks, 5);
    assert_int_equal(chunk_take(&fixture->chunks), 5);
    give_chunks(fixture, 5, 6);
    chunk_pool_trim(&fixture->chunks);
    assert_int_equal(head->chunks_reserved, 4);
    assert_int_equal(fixture->chunks.n_free, MOST_CHUNKS);
    take_chunks(fixture, 8); // low ones first, as if nothing had been
    give_chunks(fixture, 1, 8);
    chunk_pool_trim(&fixture->chunks);
    assert_int_equal(head->chunks_reserved, 1 + 4);
    give_chunks(fixture, 0, 1);
    chunk_pool_trim(&fixture->chunks);
    assert_int_equal(head->chunks_reserved, 4);
}

static void trimming_takes_no_chunk_that_is_used(void **state)
{
    struct fixture *fixture = *state;
    take_chunks(fixture, 10);
    chunk_pool_trim(&fixture->chunks);
    assert_int_equal(fixture->vault.head->chunks_reserved, 12); // it is never more than before
    assert_int_equal(fixture->chunks.n_free, MOST_CHUNKS - 10);
    for (uint32_t i = 0; i < 10; i++)
        assert_true(is_whole(fixture, i));
    assert_int_equal(chunk_take(&fixture->chunks), 10);
}

static void without_memory_nothing_is_trimmed(void **state)
{
    struct fixture *fixture = *state;
    take_chunks(fixture, 10);
    give_chunks(fixture, 0, 10);
    n_callocs_left = 0;
    chunk_pool_trim(&fixture->chunks);
    n_callocs_left = -1;
    assert_int_equal(fixture->vault.head->chunks_reserved, 12);
    assert_int_equal(fixture->chunks.n_free, MOST_CHUNKS);
}

static void what_is_trimmed_has_no_memory_any_more(void **state)
{
    struct fixture *fixture = *state;
    const blkcnt_t before = n_blocks(fixture);
    take_chunks(fixture, 12);
    give_chunks(fixture, 0, 12);
    chunk_pool_trim(&fixture->chunks);
    assert_int_equal(n_blocks(fixture), before + (blkcnt_t)(4 * CHUNK_BYTES / 512));
    chunk_pool_trim(&fixture->chunks);
    assert_int_equal(n_blocks(fixture), before + (blkcnt_t)(4 * CHUNK_BYTES / 512));
}

// So many in one turn.
static void free_chunks_are_wiped_sixty_four_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    take_chunks(fixture, 90);
    give_chunks(fixture, 0, 80);
    chunk_pool_trim(&fixture->chunks);
    for (uint32_t i = 0; i < 64; i++)
        assert_true(is_wiped(fixture, i));
    for (uint32_t i = 64; i < 90; i++)
        assert_true(is_whole(fixture, i));
    assert_int_equal(chunk_take(&fixture->chunks), 0); // the free ones are in order again
    memset(vault_chunk(&fixture->vault, 0), 'x', CHUNK_BYTES);
    chunk_pool_trim(&fixture->chunks);
    assert_true(is_whole(fixture, 0));
    for (uint32_t i = 1; i < 80; i++)
        assert_true(is_wiped(fixture, i));
    for (uint32_t i = 80; i < 90; i++)
        assert_true(is_whole(fixture, i));
    // What is given back again, is wiped again; what was wiped and not used, is not.
    chunk_give(&fixture->chunks, 0);
    memset(vault_chunk(&fixture->vault, 1), 'y', 1);
    chunk_pool_trim(&fixture->chunks);
    assert_true(is_wiped(fixture, 0));
    assert_false(is_wiped(fixture, 1));
}

static void the_next_worker_wipes_what_the_last_has_not(void **state)
{
    struct fixture *fixture = *state;
    struct slot *slot = add_slot(fixture);
    take_chunks(fixture, 4);
    slot->flow[TO_GAME].copy[0].in = (struct buffer){.chunk = 1, .end = 1};
    slot->flow[TO_PLAYER].copy[0].out = (struct buffer){.chunk = 2, .end = 1};
    chunk_pool_free(&fixture->chunks);
    assert_null(fixture->chunks.free);
    assert_int_equal(chunk_pool_make(&fixture->chunks, &fixture->vault), 0);
    assert_int_equal(fixture->chunks.n_free, MOST_CHUNKS - 2);
    chunk_pool_trim(&fixture->chunks);
    assert_true(is_wiped(fixture, 0));
    assert_true(is_whole(fixture, 1));
    assert_true(is_whole(fixture, 2));
    assert_true(is_wiped(fixture, 3));
    assert_int_equal(chunk_take(&fixture->chunks), 0);
    assert_int_equal(chunk_take(&fixture->chunks), 3);
    assert_int_equal(chunk_take(&fixture->chunks), 4);
}

static void a_pool_for_which_there_is_no_memory_is_not_made(void **state)
{
    struct fixture *fixture = *state;
    struct chunk_pool chunks;
    struct cell_pool cells;
    struct slot_pool slots;
    for (int n = 0; n < 6; n++) {
        n_callocs_left = n % 3;
        is_failing_all = n < 3;
        assert_int_equal(chunk_pool_make(&chunks, &fixture->vault), -1);
        assert_null(chunks.free);
        assert_null(chunks.has_text);
    }
    for (int n = 0; n < 4; n++) {
        n_callocs_left = n % 2;
        is_failing_all = n < 2;
        assert_int_equal(cell_pool_make(&cells, &fixture->vault), -1);
        assert_null(cells.free);
    }
    n_callocs_left = 0;
    assert_int_equal(slot_pool_make(&slots, &fixture->vault), -1);
    n_callocs_left = -1;
    is_failing_all = false;
}

// Whoever has more room than the state needs finds the rest of it as it was.
static void assert_left(const struct fixture *fixture, const struct slot *slot,
                        const uint8_t *bytes, size_t n)
{
    uint8_t out[VAULT_RESUME_BYTES];
    memset(out, 'o', sizeof out);
    assert_int_equal(resume_get(&fixture->vault, slot, out), n);
    assert_memory_equal(out, bytes, n);
    for (size_t i = n; i < sizeof out; i++)
        assert_int_equal(out[i], 'o');
}

static const struct cell *last_cell(const struct fixture *fixture, const struct slot *slot)
{
    const struct cell *cell = &fixture->vault.cells[slot->resume >> 32];
    while (cell->next != CELL_NONE)
        cell = &fixture->vault.cells[cell->next];
    return cell;
}

static void a_resume_state_of_any_length_is_left_whole(void **state)
{
    static const size_t lengths[] = {0,
                                     1,
                                     CELL_BYTES - 1,
                                     CELL_BYTES,
                                     CELL_BYTES + 1,
                                     2 * CELL_BYTES,
                                     VAULT_RESUME_BYTES - 1,
                                     VAULT_RESUME_BYTES};
    struct fixture *fixture = *state;
    uint8_t bytes[VAULT_RESUME_BYTES + 1];
    struct slot *slot = add_slot(fixture);
    const uint32_t n_free = fixture->cells.n_free;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i % 251 + 1);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        const size_t n = lengths[i];
        assert_true(resume_put(&fixture->cells, slot, bytes, n));
        assert_int_equal(fixture->cells.n_free, n_free - (n + CELL_BYTES - 1) / CELL_BYTES);
        assert_left(fixture, slot, bytes, n);
        if (n % CELL_BYTES) // what lies behind the bytes is not the vault's business
            assert_int_equal(last_cell(fixture, slot)->bytes[n % CELL_BYTES], 0);
        assert_true(resume_put(&fixture->cells, slot, bytes, 0));
        assert_int_equal(slot->resume, 0);
        assert_int_equal(fixture->cells.n_free, n_free);
    }
    assert_true(resume_put(&fixture->cells, slot, bytes, 3));
    assert_false(resume_put(&fixture->cells, slot, bytes, VAULT_RESUME_BYTES + 1));
    assert_left(fixture, slot, bytes, 3);
}

static void cells_are_reserved_by_the_page(void **state)
{
    static const uint8_t bytes[VAULT_RESUME_BYTES] = {1};
    struct fixture *fixture = *state;
    const struct vault_head *head = fixture->vault.head;
    struct slot *one = add_slot(fixture), *other = add_slot(fixture);
    assert_true(resume_put(&fixture->cells, one, bytes, 0));
    assert_int_equal(head->cells_reserved, 0);
    assert_true(resume_put(&fixture->cells, one, bytes, CELLS_A_PAGE * CELL_BYTES));
    assert_int_equal(head->cells_reserved, CELLS_A_PAGE);
    assert_true(resume_put(&fixture->cells, other, bytes, 1)); // the first of the next page
    assert_int_equal(head->cells_reserved, 2 * CELLS_A_PAGE);
    assert_true(resume_put(&fixture->cells, one, bytes, 0));
    // Low ones that have come back, and two that have no memory yet.
    const uint32_t n_free = fixture->cells.n_free;
    for (uint32_t i = 0; i < 2 * CELLS_A_PAGE - 2; i++)
        fixture->cells.n_free--;
    assert_true(resume_put(&fixture->cells, one, bytes, 2 * CELL_BYTES));
    assert_int_equal(head->cells_reserved, 3 * CELLS_A_PAGE);
    fixture->cells.n_free = n_free - (2 * CELLS_A_PAGE - 2);
}

static void the_last_free_cell_can_be_taken_and_no_more(void **state)
{
    static const uint8_t bytes[CELL_BYTES + 1] = {1};
    struct fixture *fixture = *state;
    struct slot *slot = add_slot(fixture);
    const uint32_t n_free = fixture->cells.n_free;
    const uint32_t last = fixture->cells.free[0];
    fixture->cells.free[0] = 0;
    fixture->cells.n_free = 1;
    assert_false(resume_put(&fixture->cells, slot, bytes, sizeof bytes));
    assert_int_equal(slot->resume, 0);
    assert_true(resume_put(&fixture->cells, slot, bytes, 1));
    assert_int_equal(fixture->cells.n_free, 0);
    resume_release(&fixture->cells, slot);
    assert_int_equal(fixture->cells.n_free, 1);
    fixture->cells.free[0] = last;
    fixture->cells.n_free = n_free;
}

static bool count_cell(void *arg, uint32_t cell)
{
    (void)cell;
    ++*(int *)arg;
    return true;
}

static void a_chain_is_walked_only_over_cells_that_there_are(void **state)
{
    static const uint8_t bytes[VAULT_RESUME_BYTES] = {1};
    struct fixture *fixture = *state;
    struct slot *slot = add_slot(fixture);
    int n = 0;
    assert_true(resume_put(&fixture->cells, slot, bytes, sizeof bytes));
    assert_true(resume_walk(&fixture->vault, slot, count_cell, &n));
    assert_int_equal(n, CELLS_PER_SLOT);
    slot->resume++; // as many cells, but more than one player may leave
    assert_false(resume_walk(&fixture->vault, slot, count_cell, &n));
    slot->resume = (uint64_t)fixture->vault.head->cells_reserved << 32 | 1;
    fixture->vault.cells[fixture->vault.head->cells_reserved].next = CELL_NONE;
    assert_false(resume_walk(&fixture->vault, slot, count_cell, &n));
    slot->resume = 0;
    n = 0;
    assert_true(resume_walk(&fixture->vault, slot, count_cell, &n));
    assert_int_equal(n, 0);
}

static void free_cells_are_blank_after_a_start(void **state)
{
    static const uint8_t bytes[3 * CELL_BYTES] = {1};
    struct fixture *fixture = *state;
    struct slot *gone = add_slot(fixture), *slot = add_slot(fixture);
    assert_true(resume_put(&fixture->cells, gone, bytes, 2));
    assert_true(resume_put(&fixture->cells, slot, bytes, 2));
    assert_true(resume_put(&fixture->cells, gone, bytes, 0));
    struct cell *cells = fixture->vault.cells;
    for (uint32_t i = 0; i < CELLS_A_PAGE; i++)
        memset(cells[i].bytes, 'r', CELL_BYTES); // as a worker leaves it that dies
    cell_pool_free(&fixture->cells);
    assert_null(fixture->cells.free);
    assert_int_equal(cell_pool_make(&fixture->cells, &fixture->vault), 0);
    assert_int_equal(cells[1].bytes[0], 'r');
    for (uint32_t i = 0; i < CELLS_A_PAGE; i++)
        assert_true(i == 1 || is_blank(cells[i].bytes, CELL_BYTES));
    assert_int_equal(fixture->cells.n_free, fixture->vault.head->n_cells - 1);
    resume_release(&fixture->cells, slot);
    assert_true(is_blank(cells[1].bytes, CELL_BYTES));
    assert_int_equal(fixture->cells.free[fixture->cells.n_free - 1], 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_chunk_can_be_taken_once),
        TEST(trimming_leaves_four_behind_the_last_that_is_used),
        TEST(trimming_takes_no_chunk_that_is_used),
        TEST(without_memory_nothing_is_trimmed),
        TEST(what_is_trimmed_has_no_memory_any_more),
        TEST(free_chunks_are_wiped_sixty_four_at_a_time),
        TEST(the_next_worker_wipes_what_the_last_has_not),
        TEST(a_pool_for_which_there_is_no_memory_is_not_made),
        TEST(a_resume_state_of_any_length_is_left_whole),
        TEST(cells_are_reserved_by_the_page),
        TEST(the_last_free_cell_can_be_taken_and_no_more),
        TEST(a_chain_is_walked_only_over_cells_that_there_are),
        TEST(free_cells_are_blank_after_a_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
