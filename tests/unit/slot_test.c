// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// Slots: taken blank, found while they are live, wiped and given back whole.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "live_slot.h"

#include "vault/flow.h"

#include <signal.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_slot_is_prepared_blank_and_with_memory_for_itself_only(void **state)
{
    struct fixture *fixture = *state;
    static const struct record_key blank[SLOT_KEYS];
    assert_int_equal(fixture->vault.head->slots_reserved, 1);
    memset((uint8_t *)&fixture->vault.slots[1] + 4, 0xee, sizeof(struct slot) - 4);
    struct slot *slot = slot_prepare(&fixture->slots);
    assert_ptr_equal(slot, &fixture->vault.slots[1]);
    assert_int_equal(fixture->vault.head->slots_reserved, 2);
    assert_int_equal(slot->player_fd, -1);
    assert_int_equal(slot->game_fd, -1);
    assert_int_equal(slot->write_limit, RECORD_MAX_TEXT);
    assert_memory_equal(slot->keys, blank, sizeof blank);
    for (int dir = 0; dir < 2; dir++) {
        const struct flow_state *flow = flow_now(&slot->flow[dir]);
        assert_int_equal(flow->in.chunk, CHUNK_NONE);
        assert_int_equal(flow->out.chunk, CHUNK_NONE);
        assert_int_equal(flow->key, dir);
    }
    slot_return(&fixture->slots, slot);
}

static void a_pool_has_every_slot_that_is_not_live(void **state)
{
    struct fixture *fixture = *state;
    struct slot_pool slots;
    const uint32_t n_slots = fixture->vault.head->n_slots;
    struct slot *one = slot_prepare(&fixture->slots), *two = slot_prepare(&fixture->slots);
    slot_claim(two, -1);
    assert_int_equal(slot_pool_make(&slots, &fixture->vault), 0);
    assert_int_equal(slots.n_free, n_slots - 2);
    for (uint32_t i = 0; i < slots.n_free; i++)
        assert_int_equal(slots.free[i], i + 1 < slots.n_free ? n_slots - 1 - i : 1);
    slot_pool_free(&slots);
    // Each of them can be had, and then there is none.
    slot_return(&fixture->slots, one);
    for (uint32_t i = 2; i < n_slots; i++)
        assert_non_null(slot_prepare(&fixture->slots));
    assert_null(slot_prepare(&fixture->slots));
    assert_int_equal(fixture->vault.head->slots_reserved, n_slots);
}

static bool has_key(const struct slot *slot, unsigned key)
{
    return slot->keys[key].key[0] == 'k';
}

static void only_keys_that_are_used_stay_in_the_vault(void **state)
{
    struct fixture *fixture = *state;
    struct slot *slots = fixture->vault.slots;
    struct slot *dead = slot_prepare(&fixture->slots);
    slot_claim(slot_prepare(&fixture->slots), -1);
    fixture->slot->flags |= SLOT_FLAG_TLS;
    for (int i = 0; i < 4; i++)
        memset(slots[i].keys, 'k', sizeof slots[i].keys);
    memset(dead->facts, 'f', sizeof dead->facts);
    slot_pool_wipe(&fixture->slots);
    for (unsigned key = 0; key < SLOT_KEYS; key++) {
        assert_int_equal(has_key(&slots[0], key), key < 2); // live: the third is free
        assert_false(has_key(dead, key));
        assert_true(has_key(&slots[2], key)); // live and plain: none of them is a key
        assert_true(has_key(&slots[3], key)); // behind the last with memory
    }
    assert_int_equal(dead->facts[0], 'f');
}

static void the_third_key_is_free(void **state)
{
    (void)state;
    for (uint8_t one = 0; one < SLOT_KEYS; one++)
        for (uint8_t other = 0; other < SLOT_KEYS; other++)
            if (one != other)
                assert_int_equal(one + other + slot_free_key(one, other), 0 + 1 + 2);
}

static void live_slots_are_found_and_no_others(void **state)
{
    struct fixture *fixture = *state;
    struct slot *other = slot_prepare(&fixture->slots);
    unsigned n = 0;
    fixture->vault.slots[2].state = SLOT_LIVE; // no slot has been there yet
    slot_each_live(&fixture->vault, slot)
        assert_ptr_equal(slot, n++ == 0 ? fixture->slot : NULL);
    assert_int_equal(n, 1);
    slot_claim(other, -1);
    slot_each_live(&fixture->vault, slot)
        n++;
    assert_int_equal(n, 3);
}

static void each_link_has_a_number_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(fixture->slot->n_links, 0);
    slot_link(fixture->slot, 7, SLOT_FLAG_LINKED);
    assert_int_equal(fixture->slot->n_links, 1);
    assert_int_equal(fixture->slot->game_fd, 7);
    assert_int_equal(fixture->slot->flags, SLOT_FLAG_LINKED);
    slot_link(fixture->slot, 8, 0);
    assert_int_equal(fixture->slot->n_links, 2);
}

// A link that can be seen has a number that no link before it had (I24): at each instruction.
static void a_links_number_stands_before_the_link(void **state)
{
    struct fixture *fixture = *state;
    const struct slot *slot = fixture->slot;
    int status;
    const pid_t worker = fork();
    if (worker == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0)
            _exit(77);
        raise(SIGSTOP);
        slot_link(fixture->slot, 7, SLOT_FLAG_LINKED);
        _exit(0);
    }
    assert_int_equal(waitpid(worker, &status, 0), worker);
    while (WIFSTOPPED(status) && slot->game_fd != 7) {
        if (ptrace(PTRACE_SINGLESTEP, worker, NULL, NULL) < 0)
            break;
        assert_int_equal(waitpid(worker, &status, 0), worker);
    }
    const bool is_linked = slot->game_fd == 7;
    const uint32_t n_links = slot->n_links;
    if (WIFSTOPPED(status)) {
        kill(worker, SIGKILL);
        waitpid(worker, &status, 0);
    }
    if (!is_linked)
        skip(); // it may not be traced here
    assert_int_equal(n_links, 1);
}

static void the_first_who_ends_it_is_noted(void **state)
{
    struct fixture *fixture = *state;
    struct slot *slot = fixture->slot;
    slot->flags |= SLOT_FLAG_GAME_ENDED;
    slot_note_end(slot, SLOT_END_ADMIN);
    assert_int_equal(slot->ended_by, SLOT_END_SEEN);
    slot->flags &= ~SLOT_FLAG_GAME_ENDED;
    slot_note_end(slot, SLOT_END_ADMIN);
    assert_int_equal(slot->ended_by, SLOT_END_ADMIN);
    slot_note_end(slot, SLOT_END_FULL);
    assert_int_equal(slot->ended_by, SLOT_END_ADMIN);
}

static void a_freed_slot_gives_back_both_chunks_of_both_flows(void **state)
{
    struct fixture *fixture = *state;
    struct cell_pool cells;
    int pair[2];
    assert_int_equal(cell_pool_make(&cells, &fixture->vault), 0);
    const uint32_t n_free = fixture->chunks.n_free;
    struct slot *slot = slot_prepare(&fixture->slots);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    const int kept = dup(pair[0]); // as another descriptor table has it
    struct linger linger = {.l_onoff = 1, .l_linger = 9};
    setsockopt(kept, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    slot_claim(slot, pair[0]);
    for (int dir = 0; dir < 2; dir++) {
        struct flow_state *flow = &slot->flow[dir].copy[0];
        flow->in = (struct buffer){.chunk = chunk_take(&fixture->chunks), .end = 1};
        flow->out = (struct buffer){.chunk = chunk_take(&fixture->chunks), .end = 1};
    }
    slot_free(&fixture->slots, &fixture->chunks, &cells, slot);
    assert_int_equal(fixture->chunks.n_free, n_free);
    socklen_t n = sizeof linger;
    char byte;
    assert_int_equal(getsockopt(kept, SOL_SOCKET, SO_LINGER, &linger, &n), 0);
    assert_int_equal(linger.l_onoff, 0); // it would wait
    assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0);
    close(kept);
    close(pair[1]);
    cell_pool_free(&cells);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, live_slot_set_up, live_slot_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_slot_is_prepared_blank_and_with_memory_for_itself_only),
        TEST(a_pool_has_every_slot_that_is_not_live),
        TEST(only_keys_that_are_used_stay_in_the_vault),
        TEST(the_third_key_is_free),
        TEST(live_slots_are_found_and_no_others),
        TEST(each_link_has_a_number_of_its_own),
        TEST(a_links_number_stands_before_the_link),
        TEST(the_first_who_ends_it_is_noted),
        TEST(a_freed_slot_gives_back_both_chunks_of_both_flows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
