// SPDX-FileCopyrightText: the stayd authors
// SPDX-License-Identifier: MIT
//
// What the worker takes out of an entry's queue, and when (worker/inbox.h): the entry is played by
// the test, players come over real connections. What a message can be is handover_test's.
//
// Errors: cmocka assertions.
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "connection.h"
#include "players/crowd.h"
#include "players/players.h"
#include "vault/handover.h"
#include "vault/slot.h"
#include "worker/inbox.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#define SEATS 40u
#define A_TURN 8u

struct fixture {
    struct vault vault;
    struct heritage heritage;
    struct players players;
    struct inbox *inbox;
    int n_fds; // before all
    int sending[VAULT_ENTRIES];
    uint64_t number[VAULT_ENTRIES]; // of the last message
};

static bool is_memory_short;

int __real_vault_reserve_slots(struct vault *vault, uint32_t n);
int __wrap_vault_reserve_slots(struct vault *vault, uint32_t n);

int __wrap_vault_reserve_slots(struct vault *vault, uint32_t n)
{
    errno = ENOSPC;
    return is_memory_short ? -1 : __real_vault_reserve_slots(vault, n);
}

static struct vault_entry *entry_at(const struct fixture *fixture, unsigned i)
{
    return &vault_entries(&fixture->vault)->place[i];
}

static void make_entry(struct fixture *fixture, unsigned i)
{
    int queue;
    assert_int_equal(handover_make(&queue, &fixture->sending[i]), 0);
    vault_guard_fds(&fixture->vault)[VAULT_ENTRY_QUEUES + i] = queue;
    *entry_at(fixture, i) =
        (struct vault_entry){.state = ENTRY_MADE, .serial = ++fixture->vault.head->entry_serials};
    fixture->number[i] = 0;
}

static void end_entry(struct fixture *fixture, unsigned i)
{
    if (fixture->sending[i] >= 0)
        close(fixture->sending[i]);
    fixture->sending[i] = -1;
}

static void drop_queue(struct fixture *fixture, unsigned i)
{
    _Atomic int32_t *queue = &vault_guard_fds(&fixture->vault)[VAULT_ENTRY_QUEUES + i];
    end_entry(fixture, i);
    if (*queue >= 0)
        close(*queue);
    *queue = -1;
}

static int set_up(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    struct players *players = &fixture->players;
    fixture->n_fds = connection_count_fds();
    assert_int_equal(vault_make(&fixture->vault, SEATS), 0);
    fixture->heritage.conf.n_games = 1;
    fixture->heritage.conf.game[0].hold_ms = CONF_FOREVER;
    *players = (struct players){
        .heritage = &fixture->heritage, .vault = &fixture->vault, .base = event_base_new()};
    assert_int_equal(crowd_make(players), 0);
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        fixture->sending[i] = -1;
    fixture->inbox = inbox_make(players);
    assert_non_null(fixture->inbox);
    *state = fixture;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    int vault_fd = fixture->vault.fd;
    inbox_free(fixture->inbox);
    crowd_stop(&fixture->players);
    event_base_free(fixture->players.base);
    slot_each_live(&fixture->vault, slot)
        players_free_slot(&fixture->players, slot);
    crowd_forget(&fixture->players);
    for (unsigned i = 0; i < VAULT_ENTRIES; i++)
        drop_queue(fixture, i);
    vault_unmap(&fixture->vault);
    close(vault_fd);
    assert_int_equal(connection_count_fds(), fixture->n_fds);
    free(fixture);
    return 0;
}

// By this entry, with this number. Returns the player's end.
static int come_as(struct fixture *fixture, unsigned i, uint64_t number)
{
    const struct handover message = {
        .number = number,
        .arrival = {.address = {[10] = 0xff, [11] = 0xff, [15] = (uint8_t)number},
                    .port = (uint16_t)(1000 * i + number)}};
    int player, ours;
    connection_make(&player, &ours);
    assert_int_equal(handover_send(fixture->sending[i], &message, ours), 0);
    close(ours);
    return player;
}

static int come(struct fixture *fixture, unsigned i)
{
    return come_as(fixture, i, ++fixture->number[i]);
}

// So many, who are not listened to.
static void come_many(struct fixture *fixture, unsigned i, unsigned n)
{
    while (n-- > 0)
        close(come(fixture, i));
}

static void turn(const struct fixture *fixture)
{
    event_base_loop(fixture->players.base, EVLOOP_NONBLOCK | EVLOOP_ONCE);
}

static void turns(const struct fixture *fixture)
{
    for (unsigned i = 0; i < 20; i++)
        turn(fixture);
}

static bool is_in(const struct fixture *fixture, unsigned i, uint64_t number)
{
    slot_each_live(&fixture->vault, slot)
        if (slot->port == (uint16_t)(1000 * i + number))
            return true;
    return false;
}

static bool is_waiting(const struct fixture *fixture, unsigned i)
{
    char byte;
    return recv(vault_guard_fds(&fixture->vault)[VAULT_ENTRY_QUEUES + i], &byte, 1,
                MSG_PEEK | MSG_DONTWAIT) == 1;
}

// No descriptor can be had. Returns the limit of before.
static struct rlimit use_up_fds(void)
{
    struct rlimit limit;
    int lowest = dup(0);
    close(lowest);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    const struct rlimit less = {.rlim_cur = (rlim_t)lowest, .rlim_max = limit.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &less), 0);
    return limit;
}

static void assert_disconnected(int player)
{
    char byte;
    assert_int_equal(recv(player, &byte, 1, 0), 0);
    close(player);
}

static void who_is_handed_over_is_in_with_a_key_of_its_own(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    make_entry(fixture, 3);
    inbox_look(fixture->inbox);
    int players[] = {come(fixture, 0), come(fixture, 0), come(fixture, 3)};
    turns(fixture);
    assert_int_equal(players_count(&fixture->players), 3);
    for (unsigned n = 1; n <= 2; n++)
        assert_true(is_in(fixture, 0, n));
    assert_true(is_in(fixture, 3, 1));
    slot_each_live(&fixture->vault, slot)
        slot_each_live(&fixture->vault, other)
            assert_true(slot == other || slot->arrival != other->arrival);
    assert_int_equal(entry_at(fixture, 0)->taken, 2);
    assert_int_equal(entry_at(fixture, 3)->taken, 1);
    assert_int_equal(fixture->vault.head->serving_entry, ENTRY_NONE);
    for (unsigned i = 0; i < 3; i++)
        close(players[i]);
}

static void a_turn_takes_eight_of_each_queue_and_no_more(void **state)
{
    struct fixture *fixture = *state;
    int first[12], second[12];
    make_entry(fixture, 0);
    make_entry(fixture, 1);
    inbox_look(fixture->inbox);
    for (unsigned n = 0; n < 12; n++) {
        first[n] = come(fixture, 0);
        second[n] = come(fixture, 1);
    }
    turn(fixture);
    assert_int_equal(entry_at(fixture, 0)->taken, A_TURN);
    assert_int_equal(entry_at(fixture, 1)->taken, A_TURN);
    assert_int_equal(players_count(&fixture->players), 2 * A_TURN);
    turn(fixture);
    assert_int_equal(players_count(&fixture->players), 24);
    for (unsigned n = 0; n < 12; n++) {
        close(first[n]);
        close(second[n]);
    }
}

static void a_number_that_was_there_before_is_thrown_away(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    inbox_look(fixture->inbox);
    int player = come_as(fixture, 0, 5);
    turns(fixture);
    int again = come_as(fixture, 0, 5);
    int before = come_as(fixture, 0, 4);
    turns(fixture);
    assert_disconnected(again);
    assert_disconnected(before);
    assert_int_equal(players_count(&fixture->players), 1);
    close(player);
}

static void so_is_the_number_0_and_who_is_another_workers(void **state)
{
    struct fixture *fixture = *state;
    const struct handover message = {.number = 1, .worker = 1};
    int player, ours;
    make_entry(fixture, 0);
    inbox_look(fixture->inbox);
    connection_make(&player, &ours);
    assert_int_equal(handover_send(fixture->sending[0], &message, ours), 0);
    close(ours);
    int other = come_as(fixture, 0, 0);
    turns(fixture);
    assert_disconnected(player);
    assert_disconnected(other);
    assert_int_equal(fixture->players.n_live, 0);
    player = come_as(fixture, 0, 1); // whose number nobody has had
    turns(fixture);
    assert_true(is_in(fixture, 0, 1));
    close(player);
}

static void what_is_no_message_or_not_whole_is_thrown_away_and_the_next_is_in(void **state)
{
    struct fixture *fixture = *state;
    struct handover message = {.number = 1, .arrival.listener = VAULT_LISTENERS};
    int player, ours;
    make_entry(fixture, 0);
    inbox_look(fixture->inbox);
    assert_int_equal(send(fixture->sending[0], "no message", 10, 0), 10);
    connection_make(&player, &ours);
    assert_int_equal(handover_send(fixture->sending[0], &message, ours), 0);
    close(ours);
    int next = come_as(fixture, 0, 2);
    turns(fixture);
    assert_disconnected(player);
    assert_int_equal(fixture->players.n_live, 1);
    assert_true(is_in(fixture, 0, 2));
    close(next);
}

static void what_two_crashes_were_over_is_thrown_away_unread_and_nobody_else(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    entry_at(fixture, 0)->crashes = 1;
    int players[] = {come(fixture, 0), come(fixture, 0), come(fixture, 0)};
    inbox_look(fixture->inbox);
    turns(fixture);
    assert_int_equal(players_count(&fixture->players), 3);
    assert_int_equal(entry_at(fixture, 0)->crashes, 0);
    entry_at(fixture, 0)->crashes = 2;
    int poison = come(fixture, 0);
    int next = come(fixture, 0);
    turns(fixture);
    assert_disconnected(poison);
    assert_true(is_in(fixture, 0, 5));
    assert_int_equal(players_count(&fixture->players), 4);
    assert_int_equal(entry_at(fixture, 0)->crashes, 0);
    for (unsigned i = 0; i < 3; i++)
        close(players[i]);
    close(next);
}

static void when_memory_is_short_the_player_waits_and_then_is_in(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    inbox_look(fixture->inbox);
    int player = come(fixture, 0);
    is_memory_short = true;
    turns(fixture);
    assert_int_equal(fixture->players.n_live, 0);
    assert_true(is_waiting(fixture, 0));
    assert_int_equal(entry_at(fixture, 0)->taken, 0);
    is_memory_short = false;
    while (players_count(&fixture->players) == 0)
        event_base_loop(fixture->players.base, EVLOOP_ONCE);
    assert_true(is_in(fixture, 0, 1));
    close(player);
}

static void when_descriptors_are_short_the_player_waits_and_then_is_in(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    inbox_look(fixture->inbox);
    int player = come(fixture, 0);
    struct rlimit limit = use_up_fds();
    turns(fixture);
    assert_int_equal(fixture->players.n_live, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    while (players_count(&fixture->players) == 0)
        event_base_loop(fixture->players.base, EVLOOP_ONCE);
    close(player);
}

// An entry that says something for which there is never enough holds up nobody but itself.
static void who_waits_in_one_queue_does_not_keep_the_others_waiting(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    make_entry(fixture, 1);
    int player = come(fixture, 0);
    assert_int_equal(send(fixture->sending[1], "x", 1, 0), 1);
    inbox_look(fixture->inbox);
    struct rlimit limit = use_up_fds();
    turn(fixture);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_true(is_waiting(fixture, 0));
    assert_false(is_waiting(fixture, 1)); // what needs no descriptor is done with
    close(player);
}

static void after_an_entrys_end_its_queue_is_read_out_and_that_is_said(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    make_entry(fixture, 1);
    inbox_look(fixture->inbox);
    come_many(fixture, 0, 3 * A_TURN);
    end_entry(fixture, 0);
    for (unsigned n = 1; n <= 3; n++) {
        assert_int_equal(entry_at(fixture, 0)->state, ENTRY_MADE);
        turn(fixture);
    }
    turns(fixture);
    assert_int_equal(entry_at(fixture, 0)->taken, 3 * A_TURN);
    assert_int_equal(entry_at(fixture, 0)->state, ENTRY_READ_OUT);
    assert_int_equal(entry_at(fixture, 1)->state, ENTRY_MADE);
}

static void an_order_that_a_dead_entry_has_not_heard_costs_nobody(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    inbox_look(fixture->inbox);
    int player = come(fixture, 0);
    handover_order(vault_guard_fds(&fixture->vault)[VAULT_ENTRY_QUEUES], HANDOVER_RETIRE);
    end_entry(fixture, 0);
    turns(fixture);
    assert_true(is_in(fixture, 0, 1));
    assert_int_equal(entry_at(fixture, 0)->state, ENTRY_READ_OUT);
    close(player);
}

// Slots may only lose descriptors then (I23).
static void on_probation_nobody_is_let_in_and_afterwards_all_are(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    fixture->vault.table_number = 2; // the next program's
    inbox_look(fixture->inbox);
    int player = come(fixture, 0);
    turns(fixture);
    assert_int_equal(fixture->players.n_live, 0);
    assert_true(is_waiting(fixture, 0));
    fixture->vault.head->table_number = 2; // it is good
    inbox_look(fixture->inbox);
    turns(fixture);
    assert_true(is_in(fixture, 0, 1));
    close(player);
}

static void at_the_end_nobody_is_let_in(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    inbox_look(fixture->inbox);
    fixture->vault.head->ending_until_ms = 1;
    inbox_look(fixture->inbox);
    int player = come(fixture, 0);
    turns(fixture);
    assert_int_equal(fixture->players.n_live, 0);
    assert_true(is_waiting(fixture, 0));
    close(player);
}

static void a_place_of_which_another_entry_has_become_is_read_anew(void **state)
{
    struct fixture *fixture = *state;
    make_entry(fixture, 0);
    inbox_look(fixture->inbox);
    int first = come_as(fixture, 0, 9);
    turns(fixture);
    end_entry(fixture, 0);
    turns(fixture);
    inbox_look(fixture->inbox); // there is nothing to be read
    assert_int_equal(entry_at(fixture, 0)->state, ENTRY_READ_OUT);
    drop_queue(fixture, 0);
    make_entry(fixture, 0);
    int second = come(fixture, 0); // numbers begin anew
    inbox_look(fixture->inbox);
    turns(fixture);
    assert_true(is_in(fixture, 0, 9));
    assert_true(is_in(fixture, 0, 1));
    // So it is when the end of the one before was never seen.
    drop_queue(fixture, 0);
    make_entry(fixture, 0);
    int third = come_as(fixture, 0, 3);
    inbox_look(fixture->inbox);
    turns(fixture);
    assert_true(is_in(fixture, 0, 3));
    close(first);
    close(second);
    close(third);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_is_handed_over_is_in_with_a_key_of_its_own),
        TEST(a_turn_takes_eight_of_each_queue_and_no_more),
        TEST(a_number_that_was_there_before_is_thrown_away),
        TEST(so_is_the_number_0_and_who_is_another_workers),
        TEST(what_is_no_message_or_not_whole_is_thrown_away_and_the_next_is_in),
        TEST(what_two_crashes_were_over_is_thrown_away_unread_and_nobody_else),
        TEST(when_memory_is_short_the_player_waits_and_then_is_in),
        TEST(when_descriptors_are_short_the_player_waits_and_then_is_in),
        TEST(who_waits_in_one_queue_does_not_keep_the_others_waiting),
        TEST(after_an_entrys_end_its_queue_is_read_out_and_that_is_said),
        TEST(an_order_that_a_dead_entry_has_not_heard_costs_nobody),
        TEST(on_probation_nobody_is_let_in_and_afterwards_all_are),
        TEST(at_the_end_nobody_is_let_in),
        TEST(a_place_of_which_another_entry_has_become_is_read_anew),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
