// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// A worker's start: a message whose player is in is taken from the queue, and no other one
// (vault/handover.h, I28).
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "queue.h"

#include "vault/slot.h"

#include <sys/resource.h>
#include <unistd.h>

static void keys_are_never_none_and_never_another_messages(void **state)
{
    static const uint64_t serials[] = {1, 2, 3, 1000, (UINT64_C(1) << 24) - 1};
    static const uint64_t numbers[] = {1, 2, 3, UINT64_C(1) << 32, (UINT64_C(1) << 40) - 1};
    uint64_t keys[25];
    unsigned n = 0;
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        for (unsigned j = 0; j < 5; j++)
            keys[n++] = handover_key(serials[i], numbers[j]);
    for (unsigned i = 0; i < n; i++) {
        assert_int_not_equal(keys[i], 0);
        for (unsigned j = 0; j < i; j++)
            assert_int_not_equal(keys[i], keys[j]);
    }
}

static struct vault_entry *make_entry(struct vault *vault, const struct queue *fixture)
{
    assert_int_equal(vault_make(vault, 4), 0);
    assert_int_equal(vault_reserve_slots(vault, 4), 0);
    struct vault_entry *entry = &vault_entries(vault)->place[2];
    vault_guard_fds(vault)[VAULT_ENTRY_QUEUES + 2] = fixture->queue;
    *entry = (struct vault_entry){.state = ENTRY_MADE, .serial = 5, .crashes = 1};
    return entry;
}

static void let_in(const struct vault *vault, unsigned i, uint64_t serial, uint64_t number)
{
    vault->slots[i].arrival = handover_key(serial, number);
    vault->slots[i].player_fd = 0;
    vault->slots[i].game_fd = -1;
    vault->slots[i].state = SLOT_LIVE;
}

static void drop_vault(struct vault *vault)
{
    int fd = vault->fd;
    vault_unmap(vault);
    close(fd);
}

static void a_message_whose_player_is_in_is_taken_and_only_that_one(void **state)
{
    const struct queue *fixture = *state;
    struct vault vault;
    struct vault_entry *entry = make_entry(&vault, fixture);
    queue_send_player(fixture, 1);
    queue_send_player(fixture, 2);
    let_in(&vault, 0, 4, 1); // another entry's
    let_in(&vault, 1, 5, 2); // not at the head
    assert_int_equal(handover_settle(&vault), 0);
    queue_assert_player(fixture, 1);
    let_in(&vault, 2, 5, 1);
    vault.slots[1].state = SLOT_FREE; // ... and, free, it is nobody's
    assert_int_equal(handover_settle(&vault), 1);
    assert_int_equal(entry->taken, 1);
    assert_int_equal(entry->crashes, 0);
    queue_assert_player(fixture, 2);
    assert_int_equal(handover_settle(&vault), 0);
    assert_int_equal(entry->taken, 1);
    drop_vault(&vault);
}

static void it_is_taken_although_the_entry_has_died_with_an_order_unread(void **state)
{
    struct queue *fixture = *state;
    struct vault vault;
    make_entry(&vault, fixture);
    queue_send_player(fixture, 1);
    let_in(&vault, 0, 5, 1);
    handover_order(fixture->queue, HANDOVER_RETIRE);
    queue_die(fixture);
    assert_int_equal(handover_settle(&vault), 1);
    queue_assert_head(fixture, HANDOVER_ENDED);
    drop_vault(&vault);
}

static void it_is_taken_although_no_descriptor_can_be_had(void **state)
{
    struct queue *fixture = *state;
    struct vault vault;
    make_entry(&vault, fixture);
    queue_send_player(fixture, 1);
    let_in(&vault, 0, 5, 1);
    struct rlimit limit = queue_limit_fds(0);
    assert_int_equal(handover_settle(&vault), 1);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    queue_assert_head(fixture, HANDOVER_NONE);
    drop_vault(&vault);
}

static void a_place_that_is_free_empty_or_read_out_is_left_alone(void **state)
{
    const struct queue *fixture = *state;
    struct vault vault;
    struct vault_entry *entry = make_entry(&vault, fixture);
    assert_int_equal(handover_settle(&vault), 0); // nothing is in it
    queue_send_player(fixture, 1);
    let_in(&vault, 0, 5, 1);
    entry->state = ENTRY_FREE;
    assert_int_equal(handover_settle(&vault), 0);
    entry->state = ENTRY_READ_OUT;
    assert_int_equal(handover_settle(&vault), 0);
    entry->state = ENTRY_MADE;
    vault_guard_fds(&vault)[VAULT_ENTRY_QUEUES + 2] = -1;
    assert_int_equal(handover_settle(&vault), 0);
    assert_int_equal(entry->crashes, 1);
    queue_assert_player(fixture, 1);
    drop_vault(&vault);
}

static void what_is_too_short_for_a_number_is_nobodys(void **state)
{
    const struct queue *fixture = *state;
    struct vault vault;
    make_entry(&vault, fixture);
    let_in(&vault, 0, 5, 0);
    queue_send_anything(fixture, "\0\0\0\0\0\0\0", 7, NULL, 0);
    assert_int_equal(handover_settle(&vault), 0);
    queue_assert_head(fixture, HANDOVER_WRONG);
    drop_vault(&vault);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, queue_set_up, queue_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(keys_are_never_none_and_never_another_messages),
        TEST(a_message_whose_player_is_in_is_taken_and_only_that_one),
        TEST(it_is_taken_although_the_entry_has_died_with_an_order_unread),
        TEST(it_is_taken_although_no_descriptor_can_be_had),
        TEST(a_place_that_is_free_empty_or_read_out_is_left_alone),
        TEST(what_is_too_short_for_a_number_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
